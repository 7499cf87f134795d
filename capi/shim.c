/* The functions of gocluster.h, and what must be C about them.
 *
 * They forward to Go with every pointer as an integer, because Go ends the process
 * when it finds an impossible pointer in a pointer variable. Being defined against
 * the header, they do not compile when it drifts.
 *
 * After fork() the child has none of the threads of Go's runtime: entering it would
 * hang. So the child is refused here, in C.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "gocluster.h"
#include "_cgo_export.h"

static volatile sig_atomic_t forked;

static void in_child(void)
{
    forked = 1;
}

/* Without the handler a forked child could not be told from its parent. */
static volatile sig_atomic_t unguarded;

__attribute__((constructor)) static void watch_fork(void)
{
    if (pthread_atfork(NULL, NULL, in_child) != 0)
        unguarded = 1;
}

static int32_t refuse(gocluster_error *err)
{
    int32_t code = forked ? GOCLUSTER_ERROR_FORKED : GOCLUSTER_ERROR_MEMORY;
    if (err != NULL) {
        err->code = code;
        err->argument[0] = 0;
        snprintf(err->message, sizeof err->message, "%s",
                 forked ? "the library was loaded before fork() and cannot be used in the child; load it after the fork"
                        : "no memory was left when the library was loaded");
    }
    return code;
}

#define P(pointer) ((uintptr_t)(pointer))
#define CALL(err, call) ((forked || unguarded) ? refuse(err) : (call))

int32_t gocluster_abi_version(void)
{
    return GOCLUSTER_ABI_VERSION;
}

int32_t gocluster_abi_minor(void)
{
    return GOCLUSTER_ABI_MINOR;
}

const char *gocluster_error_name(int32_t code)
{
#define NAME(c) case c: return #c;
    switch (code) {
    NAME(GOCLUSTER_OK)
    NAME(GOCLUSTER_PENDING)
    NAME(GOCLUSTER_ERROR_ARGUMENT)
    NAME(GOCLUSTER_ERROR_STRUCT_SIZE)
    NAME(GOCLUSTER_ERROR_SHAPE)
    NAME(GOCLUSTER_ERROR_STRIDES)
    NAME(GOCLUSTER_ERROR_DTYPE)
    NAME(GOCLUSTER_ERROR_NOT_FINITE)
    NAME(GOCLUSTER_ERROR_OVERLAP)
    NAME(GOCLUSTER_ERROR_TOO_LARGE)
    NAME(GOCLUSTER_ERROR_ADDRESS)
    NAME(GOCLUSTER_ERROR_MEMORY)
    NAME(GOCLUSTER_ERROR_CANCELLED)
    NAME(GOCLUSTER_ERROR_IO)
    NAME(GOCLUSTER_ERROR_HANDLE)
    NAME(GOCLUSTER_ERROR_NOT_READY)
    NAME(GOCLUSTER_ERROR_FORKED)
    NAME(GOCLUSTER_ERROR_PANIC)
    NAME(GOCLUSTER_ERROR_POISONED)
    default: return "unknown";
    }
#undef NAME
}

int32_t gocluster_get_num_threads(void)
{
    return CALL(NULL, goGetNumThreads());
}

int32_t gocluster_set_num_threads(int32_t threads)
{
    return CALL(NULL, goSetNumThreads(threads));
}

int32_t gocluster_job_wait(gocluster_job job, int64_t milliseconds, gocluster_progress *progress, gocluster_error *err)
{
    return CALL(err, goJobWait(job.id, milliseconds, P(progress), P(err)));
}

int32_t gocluster_job_cancel(gocluster_job job, gocluster_error *err)
{
    return CALL(err, goJobCancel(job.id, P(err)));
}

int32_t gocluster_job_free(gocluster_job job, gocluster_error *err)
{
    return CALL(err, goJobFree(job.id, P(err)));
}

int32_t gocluster_queue_new(int32_t job_threads, gocluster_queue *queue, gocluster_error *err)
{
    return CALL(err, goQueueNew(job_threads, P(queue), P(err)));
}

int32_t gocluster_queue_push(gocluster_queue queue, int64_t task, gocluster_error *err)
{
    return CALL(err, goQueuePush(queue.id, task, P(err)));
}

int32_t gocluster_queue_next(gocluster_queue queue, int64_t *task, gocluster_error *err)
{
    return CALL(err, goQueueNext(queue.id, P(task), P(err)));
}

int32_t gocluster_queue_free(gocluster_queue queue, gocluster_error *err)
{
    return CALL(err, goQueueFree(queue.id, P(err)));
}

int32_t gocluster_svc_params_init(gocluster_svc_params *params, uint32_t struct_size, gocluster_error *err)
{
    return CALL(err, goSVCParamsInit(P(params), struct_size, P(err)));
}

int32_t gocluster_svc_fit_start(const gocluster_svc_params *params, const gocluster_array *X, const gocluster_array *y,
                                const gocluster_array *sample_weight, const gocluster_array *class_weight,
                                gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goSVCFitStart(P(params), P(X), P(y), P(sample_weight), P(class_weight), P(job), P(err)));
}

int32_t gocluster_svc_search_start(const gocluster_svc_params *fits, int64_t n_fits, const gocluster_array *split,
                                   const gocluster_array *X, const gocluster_array *y,
                                   const gocluster_array *sample_weight, const gocluster_array *class_weight,
                                   const gocluster_array *train, const gocluster_array *train_end,
                                   const gocluster_array *test, const gocluster_array *test_end,
                                   const gocluster_array *predicted, const gocluster_array *decision,
                                   const gocluster_array *probability, const gocluster_array *report,
                                   gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goSVCSearchStart(P(fits), n_fits, P(split), P(X), P(y), P(sample_weight), P(class_weight), P(train),
                                      P(train_end), P(test), P(test_end), P(predicted), P(decision), P(probability), P(report),
                                      P(job), P(err)));
}

int32_t gocluster_svc_fit_result(gocluster_job job, gocluster_svc *model, gocluster_error *err)
{
    return CALL(err, goSVCFitResult(job.id, P(model), P(err)));
}

int32_t gocluster_svc_get_shape(gocluster_svc model, gocluster_svc_shape *shape, gocluster_error *err)
{
    return CALL(err, goSVCGetShape(model.id, P(shape), P(err)));
}

int32_t gocluster_svc_get(gocluster_svc model, int32_t attribute, const gocluster_array *out, gocluster_error *err)
{
    return CALL(err, goSVCGet(model.id, attribute, P(out), P(err)));
}

int32_t gocluster_svc_from_arrays(const gocluster_svc_params *params, const gocluster_array *classes,
                                  const gocluster_array *n_support, const gocluster_array *support_vectors,
                                  const gocluster_array *dual_coef, const gocluster_array *intercept,
                                  const gocluster_array *prob_a, const gocluster_array *prob_b,
                                  gocluster_svc *model, gocluster_error *err)
{
    return CALL(err, goSVCFromArrays(P(params), P(classes), P(n_support), P(support_vectors), P(dual_coef),
                                     P(intercept), P(prob_a), P(prob_b), P(model), P(err)));
}

int32_t gocluster_svc_decision_function_start(gocluster_svc model, const gocluster_array *X, const gocluster_array *out,
                                              gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goSVCDecisionFunctionStart(model.id, P(X), P(out), P(job), P(err)));
}

int32_t gocluster_svc_predict_start(gocluster_svc model, const gocluster_array *X, const gocluster_array *out,
                                    gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goSVCPredictStart(model.id, P(X), P(out), P(job), P(err)));
}

int32_t gocluster_svc_predict_proba_start(gocluster_svc model, const gocluster_array *X, const gocluster_array *out,
                                          gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goSVCPredictProbaStart(model.id, P(X), P(out), P(job), P(err)));
}

int32_t gocluster_svc_free(gocluster_svc model, gocluster_error *err)
{
    return CALL(err, goSVCFree(model.id, P(err)));
}

int32_t gocluster_kmeans_params_init(gocluster_kmeans_params *params, uint32_t struct_size, gocluster_error *err)
{
    return CALL(err, goKMeansParamsInit(P(params), struct_size, P(err)));
}

int32_t gocluster_kmeans_fit_start(const gocluster_kmeans_params *params, const gocluster_array *X,
                                   const gocluster_array *sample_weight, const gocluster_array *init,
                                   const gocluster_array *draws, const gocluster_array *centers,
                                   const gocluster_array *labels, const gocluster_array *trace,
                                   gocluster_kmeans_result *result, gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goKMeansFitStart(P(params), P(X), P(sample_weight), P(init), P(draws), P(centers), P(labels),
                                      P(trace), P(result), P(job), P(err)));
}

int32_t gocluster_kmeans_predict_start(const gocluster_array *X, const gocluster_array *sample_weight,
                                       const gocluster_array *centers, const gocluster_array *labels,
                                       gocluster_kmeans_result *result, gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goKMeansPredictStart(P(X), P(sample_weight), P(centers), P(labels), P(result), P(job), P(err)));
}

int32_t gocluster_kmeans_transform_start(const gocluster_array *X, const gocluster_array *centers,
                                         const gocluster_array *out, gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goKMeansTransformStart(P(X), P(centers), P(out), P(job), P(err)));
}

int32_t gocluster_kmeans_plusplus_start(const gocluster_array *X, const gocluster_array *sample_weight,
                                        const gocluster_array *draws, const gocluster_array *indices,
                                        gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goKMeansPlusPlusStart(P(X), P(sample_weight), P(draws), P(indices), P(job), P(err)));
}

int32_t gocluster_kmeans_fit_npy_start(const gocluster_kmeans_params *params, const gocluster_file *files, int64_t n_files,
                                       const gocluster_array *sample_weight, const gocluster_array *init,
                                       const gocluster_array *draws, const gocluster_array *centers,
                                       const gocluster_array *labels, const char *labels_path,
                                       const gocluster_array *trace, gocluster_kmeans_result *result,
                                       gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goKMeansFitFilesStart(P(params), P(files), n_files, P(sample_weight), P(init), P(draws), P(centers),
                                           P(labels), P(labels_path), P(trace), P(result), P(job), P(err)));
}

int32_t gocluster_kmeans_predict_npy_start(const gocluster_file *files, int64_t n_files,
                                           const gocluster_array *sample_weight, const gocluster_array *centers,
                                           const gocluster_array *labels, const char *labels_path,
                                           int64_t memory_limit, gocluster_kmeans_result *result,
                                           gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goKMeansPredictFilesStart(P(files), n_files, P(sample_weight), P(centers), P(labels), P(labels_path),
                                               memory_limit, P(result), P(job), P(err)));
}

int32_t gocluster_kmeans_survey_start(const gocluster_array *X, const gocluster_array *mean,
                                      const gocluster_array *variance, gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goKMeansSurveyStart(P(X), P(mean), P(variance), P(job), P(err)));
}

int32_t gocluster_kmeans_block_start(const gocluster_array *X, const gocluster_array *sample_weight,
                                     const gocluster_array *centers, const gocluster_array *labels,
                                     const gocluster_array *sums, const gocluster_array *mass,
                                     const gocluster_array *counts, gocluster_kmeans_result *result,
                                     gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goKMeansBlockStart(P(X), P(sample_weight), P(centers), P(labels), P(sums), P(mass), P(counts),
                                        P(result), P(job), P(err)));
}

int32_t gocluster_kmeans_farthest_start(const gocluster_array *X, const gocluster_array *centers,
                                        const gocluster_array *rows, const gocluster_array *distances,
                                        const gocluster_array *labels, gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goKMeansFarthestStart(P(X), P(centers), P(rows), P(distances), P(labels), P(job), P(err)));
}

int32_t gocluster_kmeans_round_start(const gocluster_array *X, const gocluster_array *sample_weight,
                                     const gocluster_array *fresh, int64_t base, const gocluster_array *closest,
                                     const gocluster_array *nearest, double key, int64_t round, int64_t first_row,
                                     double expected, const gocluster_array *rows, const gocluster_array *draws,
                                     const gocluster_array *costs, const gocluster_array *found,
                                     gocluster_kmeans_result *result, gocluster_job *job, gocluster_error *err)
{
    return CALL(err, goKMeansRoundStart(P(X), P(sample_weight), P(fresh), base, P(closest), P(nearest), key, round,
                                        first_row, expected, P(rows), P(draws), P(costs), P(found), P(result), P(job),
                                        P(err)));
}

int32_t gocluster_kmeans_draws(double key, int64_t round, int64_t first_row, const gocluster_array *out, gocluster_error *err)
{
    return CALL(err, goKMeansDraws(key, round, first_row, P(out), P(err)));
}

int32_t gocluster_npy_info(const char *path, gocluster_array *info, gocluster_error *err)
{
    return CALL(err, goNPYInfo(P(path), P(info), P(err)));
}

int32_t gocluster_npy_read(const char *path, int64_t first_row, const gocluster_array *out, gocluster_error *err)
{
    return CALL(err, goNPYRead(P(path), first_row, P(out), P(err)));
}
