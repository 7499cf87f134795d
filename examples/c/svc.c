/* Trains a support vector classifier and prints its accuracy on the data it saw.
 *
 *     svc data.csv           numbers separated by commas, the last column is the integer label;
 *                            a first line of names is skipped
 *     svc X.npy y.npy        a matrix of float32 or float64, a vector of int32 or int64
 *
 *     cc -o svc svc.c $(pkg-config --cflags --libs gocluster)
 */
#include <gocluster.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, const gocluster_error *err)
{
    fprintf(stderr, "%s: %s: %s%s%s\n", what, gocluster_error_name(err->code), err->argument,
            err->argument[0] ? " " : "", err->message);
    exit(1);
}

static void fail_file(const char *path, const char *why)
{
    fprintf(stderr, "%s: %s\n", path, why);
    exit(1);
}

static void *allocate(int64_t count, size_t size)
{
    void *memory = calloc(count > 0 ? (size_t)count : 1, size);
    if (memory == NULL) {
        fprintf(stderr, "no memory left\n");
        exit(1);
    }
    return memory;
}

/* Adds the numbers of one line to *values; returns how many, or -1 if it holds anything else. */
static int64_t parse_line(char *line, double **values, int64_t *used, int64_t *room)
{
    int64_t count = 0;
    char *at = line, *end;
    for (;;) {
        double value = strtod(at, &end);
        if (end == at)
            return -1;
        if (*used == *room) {
            double *more = (double *)allocate(*room = 2 * *room + 1024, sizeof(double));
            if (*used > 0)
                memcpy(more, *values, (size_t)*used * sizeof(double));
            free(*values);
            *values = more;
        }
        (*values)[(*used)++] = value;
        count++;
        while (*end == ' ' || *end == '\r' || *end == '\n')
            end++;
        if (*end == 0)
            return count;
        if (*end != ',')
            return -1;
        at = end + 1;
    }
}

/* X becomes a view of all columns but the last: its rows are longer than what is used of them. */
static void read_csv(const char *path, gocluster_array *X, gocluster_array *y)
{
    static char line[1 << 20];
    double *values = NULL;
    int64_t used = 0, room = 0, rows = 0, columns = 0, i, *labels;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_file(path, "cannot be opened");
    while (fgets(line, sizeof line, file) != NULL) {
        int64_t before = used, count = parse_line(line, &values, &used, &room);
        if (count < 0 && rows == 0 && before == 0) {
            used = 0; /* the names of the columns */
            continue;
        }
        if (rows == 0)
            columns = count;
        if (count != columns || count < 2)
            fail_file(path, "is not a table of numbers with at least two columns");
        rows++;
    }
    fclose(file);
    labels = (int64_t *)allocate(rows, sizeof *labels);
    for (i = 0; i < rows; i++)
        labels[i] = (int64_t)values[i * columns + columns - 1];
    *X = gocluster_matrix(values, GOCLUSTER_F64, rows, columns - 1);
    X->strides[0] = columns * (int64_t)sizeof(double);
    *y = gocluster_vector(labels, GOCLUSTER_I64, rows);
}

static void read_npy(const char *path, gocluster_array *array)
{
    gocluster_error err;
    if (gocluster_npy_info(path, array, &err) != GOCLUSTER_OK)
        fail(path, &err);
    array->data = allocate(array->shape[0] * (array->ndim == 2 ? array->shape[1] : 1), 8);
    if (gocluster_npy_read(path, 0, array, &err) != GOCLUSTER_OK)
        fail(path, &err);
}

static double element(const gocluster_array *a, int64_t i, int64_t j)
{
    const char *at = (const char *)a->data + i * a->strides[0] + j * a->strides[1];
    return a->dtype == GOCLUSTER_F32 ? (double)*(const float *)(const void *)at : *(const double *)(const void *)at;
}

static int64_t label(const gocluster_array *a, int64_t i)
{
    const char *at = (const char *)a->data + i * a->strides[0];
    return a->dtype == GOCLUSTER_I32 ? *(const int32_t *)(const void *)at : *(const int64_t *)(const void *)at;
}

/* scikit-learn's gamma="scale": 1 / (n_features * variance of all elements) */
static double gamma_scale(const gocluster_array *X)
{
    int64_t n = X->shape[0], d = X->shape[1], i, j;
    double mean = 0, variance = 0;
    for (i = 0; i < n; i++)
        for (j = 0; j < d; j++)
            mean += element(X, i, j) / ((double)n * (double)d);
    for (i = 0; i < n; i++)
        for (j = 0; j < d; j++)
            variance += (element(X, i, j) - mean) * (element(X, i, j) - mean) / ((double)n * (double)d);
    return variance > 0 ? 1 / ((double)d * variance) : 1;
}

int main(int argc, char **argv)
{
    gocluster_array X, y, out;
    gocluster_svc_params params;
    gocluster_svc_shape shape;
    gocluster_progress progress;
    gocluster_job job;
    gocluster_svc model;
    gocluster_error err;
    int64_t i, right = 0, *predicted;
    int32_t code;

    if (gocluster_abi_version() != GOCLUSTER_ABI_VERSION || gocluster_abi_minor() < GOCLUSTER_ABI_MINOR) {
        fprintf(stderr, "this program needs version %d.%d of the library\n", GOCLUSTER_ABI_VERSION, GOCLUSTER_ABI_MINOR);
        return 1;
    }
    if (argc == 2) {
        read_csv(argv[1], &X, &y);
    } else if (argc == 3) {
        read_npy(argv[1], &X);
        read_npy(argv[2], &y);
        if (X.ndim != 2 || (X.dtype != GOCLUSTER_F32 && X.dtype != GOCLUSTER_F64))
            fail_file(argv[1], "is not a matrix of float32 or float64");
        if (y.ndim != 1 || (y.dtype != GOCLUSTER_I32 && y.dtype != GOCLUSTER_I64) || y.shape[0] != X.shape[0])
            fail_file(argv[2], "does not hold one int32 or int64 for each row");
    } else {
        fprintf(stderr, "usage: svc data.csv\n       svc X.npy y.npy\n");
        return 2;
    }

    if (gocluster_svc_params_init(&params, sizeof params, &err) != GOCLUSTER_OK)
        fail("params", &err);
    params.gamma = gamma_scale(&X);

    /* gocluster_svc_fit would do all of this, without showing progress. */
    if (gocluster_svc_fit_start(&params, &X, &y, NULL, NULL, &job, &err) != GOCLUSTER_OK)
        fail("fit", &err);
    while ((code = gocluster_job_wait(job, 1000, &progress, &err)) == GOCLUSTER_PENDING)
        fprintf(stderr, "KKT violation %g\n", progress.metric);
    if (code != GOCLUSTER_OK || gocluster_svc_fit_result(job, &model, &err) != GOCLUSTER_OK)
        fail("fit", &err);
    gocluster_job_free(job, NULL);

    predicted = (int64_t *)allocate(X.shape[0], sizeof *predicted);
    out = gocluster_vector(predicted, GOCLUSTER_I64, X.shape[0]);
    if (gocluster_svc_predict(model, &X, &out, &err) != GOCLUSTER_OK)
        fail("predict", &err);
    for (i = 0; i < X.shape[0]; i++)
        right += predicted[i] == label(&y, i);

    shape.struct_size = sizeof shape;
    if (gocluster_svc_get_shape(model, &shape, &err) != GOCLUSTER_OK)
        fail("model", &err);
    gocluster_svc_free(model, NULL);
    printf("%lld rows, %lld features, %lld classes, %lld support vectors\n", (long long)X.shape[0],
           (long long)X.shape[1], (long long)shape.n_classes, (long long)shape.n_support_vectors);
    printf("accuracy %.4f\n", (double)right / (double)X.shape[0]);
    free(X.data);
    free(y.data);
    free(predicted);
    return 0;
}
