/* Clusters the rows of .npy files that may be larger than memory, and writes the label of each to a .npy file.
 *
 *     kmeans_npy 8 1000 labels.npy X.npy ...      the number of clusters, megabytes to work in, and the rows:
 *                                                 files of float32 or float64 with as many columns
 *
 *     cc -o kmeans_npy kmeans_npy.c $(pkg-config --cflags --libs gocluster)
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
    gocluster_array info, centers;
    gocluster_file *files;
    gocluster_kmeans_params params;
    gocluster_kmeans_result result;
    gocluster_progress progress;
    gocluster_error err;
    gocluster_job job;
    double *center;
    int64_t i, j, n_files = argc - 4;
    int32_t code;

    if (argc < 5) {
        fprintf(stderr, "usage: %s CLUSTERS MEGABYTES LABELS.npy X.npy...\n", argv[0]);
        return 2;
    }
    files = (gocluster_file *)allocate(n_files, sizeof *files); /* without layouts: .npy files */
    for (i = 0; i < n_files; i++)
        files[i].path = argv[4 + i];
    if (gocluster_npy_info(files[0].path, &info, &err) < 0)
        fail(files[0].path, &err);

    if (gocluster_kmeans_params_init(&params, sizeof params, &err) < 0)
        fail("params", &err);
    params.n_clusters = atoi(argv[1]);
    params.memory_limit = (int64_t)atoi(argv[2]) << 20;
    params.init = GOCLUSTER_INIT_SCALABLE;
    center = (double *)allocate(params.n_clusters * info.shape[1], sizeof *center);
    centers = gocluster_matrix(center, GOCLUSTER_F64, params.n_clusters, info.shape[1]);
    result.struct_size = sizeof result;

    if (gocluster_kmeans_fit_npy_start(&params, files, n_files, NULL, NULL, NULL, &centers, NULL, argv[3], NULL, &result,
                                       &job, &err) < 0)
        fail("fit", &err);
    while ((code = gocluster_job_wait(job, 1000, &progress, &err)) == GOCLUSTER_PENDING)
        fprintf(stderr, "%d iterations\n", (int)progress.done);
    if (code < 0)
        fail("fit", &err);
    gocluster_job_free(job, NULL);

    for (i = 0; i < params.n_clusters; i++)
        for (j = 0; j < info.shape[1]; j++)
            printf("%.9g%c", center[i * info.shape[1] + j], j + 1 < info.shape[1] ? ' ' : '\n');
    fprintf(stderr, "inertia %.9g after %d iterations and %d passes\n", result.inertia, (int)result.n_iter,
            (int)result.n_passes);
    free(center);
    free(files);
    return 0;
}
