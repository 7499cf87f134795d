/* Clusters the rows of a matrix and writes the label of each, one a line.
 *
 *     kmeans X.npy 8         a matrix of float32 or float64, and the number of clusters
 *
 *     cc -o kmeans kmeans.c $(pkg-config --cflags --libs gocluster)
 */
#include <gocluster.h>

#include <stdio.h>
#include <stdlib.h>

static void fail(const char *what, const gocluster_error *err)
{
    fprintf(stderr, "%s: %s: %s%s%s\n", what, gocluster_error_name(err->code), err->argument,
            err->argument[0] ? " " : "", err->message);
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

int main(int argc, char **argv)
{
    gocluster_array X, centers, labels;
    gocluster_kmeans_params params;
    gocluster_kmeans_result result;
    gocluster_error err;
    int32_t *label;
    int64_t i;

    if (argc != 3) {
        fprintf(stderr, "usage: %s X.npy CLUSTERS\n", argv[0]);
        return 2;
    }
    if (gocluster_npy_info(argv[1], &X, &err) < 0)
        fail(argv[1], &err);
    X.data = allocate(X.shape[0], (size_t)X.strides[0]);
    if (gocluster_npy_read(argv[1], 0, &X, &err) < 0)
        fail(argv[1], &err);

    if (gocluster_kmeans_params_init(&params, sizeof params, &err) < 0)
        fail("params", &err);
    params.n_clusters = atoi(argv[2]);
    params.n_init = 3;
    label = (int32_t *)allocate(X.shape[0], sizeof *label);
    labels = gocluster_vector(label, GOCLUSTER_I32, X.shape[0]);
    centers = gocluster_matrix(allocate(params.n_clusters * X.shape[1], sizeof(double)), GOCLUSTER_F64,
                               params.n_clusters, X.shape[1]);
    result.struct_size = sizeof result;
    if (gocluster_kmeans_fit(&params, &X, NULL, NULL, &centers, &labels, &result, &err) < 0)
        fail("fit", &err);

    for (i = 0; i < X.shape[0]; i++)
        printf("%d\n", (int)label[i]);
    fprintf(stderr, "inertia %.9g after %d iterations\n", result.inertia, (int)result.n_iter);
    free(X.data);
    free(centers.data);
    free(label);
    return 0;
}
