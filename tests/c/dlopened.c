/* The functions of the header for programs that are not linked with the library: each one
 * opens $GOCLUSTER_LIBRARY with dlopen at the first use and forwards. */
#include <gocluster.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *find(const char *name)
{
    static void *library;
    void *symbol;
    if (library == NULL)
        library = dlopen(getenv("GOCLUSTER_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
    symbol = library == NULL ? NULL : dlsym(library, name);
    if (symbol == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(3);
    }
    return symbol;
}

/* ISO C has no cast from an object pointer to a function pointer, hence memcpy. */
#define FORWARD(result, name, parameters, arguments)        \
    result name parameters                                  \
    {                                                       \
        result(*function) parameters;                       \
        void *symbol = find(#name);                         \
        memcpy(&function, &symbol, sizeof function);        \
        return function arguments;                          \
    }

typedef gocluster_error error;
typedef const gocluster_array array;
typedef const gocluster_svc_params params;

FORWARD(int32_t, gocluster_abi_version, (void), ())
FORWARD(int32_t, gocluster_abi_minor, (void), ())
FORWARD(const char *, gocluster_error_name, (int32_t code), (code))
FORWARD(int32_t, gocluster_get_num_threads, (void), ())
FORWARD(int32_t, gocluster_set_num_threads, (int32_t n), (n))
FORWARD(int32_t, gocluster_job_wait, (gocluster_job j, int64_t ms, gocluster_progress *p, error *e), (j, ms, p, e))
FORWARD(int32_t, gocluster_job_cancel, (gocluster_job j, error *e), (j, e))
FORWARD(int32_t, gocluster_job_free, (gocluster_job j, error *e), (j, e))
FORWARD(int32_t, gocluster_queue_new, (int32_t n, gocluster_queue *q, error *e), (n, q, e))
FORWARD(int32_t, gocluster_queue_push, (gocluster_queue q, int64_t t, error *e), (q, t, e))
FORWARD(int32_t, gocluster_queue_next, (gocluster_queue q, int64_t *t, error *e), (q, t, e))
FORWARD(int32_t, gocluster_queue_free, (gocluster_queue q, error *e), (q, e))
FORWARD(int32_t, gocluster_svc_params_init, (gocluster_svc_params *p, uint32_t n, error *e), (p, n, e))
FORWARD(int32_t, gocluster_svc_fit_start,
        (params *p, array *X, array *y, array *s, array *c, gocluster_job *j, error *e), (p, X, y, s, c, j, e))
FORWARD(int32_t, gocluster_svc_fit_result, (gocluster_job j, gocluster_svc *m, error *e), (j, m, e))
FORWARD(int32_t, gocluster_svc_get_shape, (gocluster_svc m, gocluster_svc_shape *s, error *e), (m, s, e))
FORWARD(int32_t, gocluster_svc_get, (gocluster_svc m, int32_t a, array *o, error *e), (m, a, o, e))
FORWARD(int32_t, gocluster_svc_from_arrays,
        (params *p, array *c, array *n, array *s, array *d, array *i, array *a, array *b, gocluster_svc *m, error *e),
        (p, c, n, s, d, i, a, b, m, e))
FORWARD(int32_t, gocluster_svc_decision_function_start,
        (gocluster_svc m, array *X, array *o, gocluster_job *j, error *e), (m, X, o, j, e))
FORWARD(int32_t, gocluster_svc_predict_start, (gocluster_svc m, array *X, array *o, gocluster_job *j, error *e),
        (m, X, o, j, e))
FORWARD(int32_t, gocluster_svc_predict_proba_start,
        (gocluster_svc m, array *X, array *o, gocluster_job *j, error *e), (m, X, o, j, e))
FORWARD(int32_t, gocluster_svc_free, (gocluster_svc m, error *e), (m, e))
FORWARD(int32_t, gocluster_svc_search_start,
        (const gocluster_svc_params *f, int64_t n, array *s, array *X, array *y, array *w, array *c, array *a, array *b,
         array *t, array *u, array *p, array *d, array *q, array *r, gocluster_job *j, error *e),
        (f, n, s, X, y, w, c, a, b, t, u, p, d, q, r, j, e))
FORWARD(int32_t, gocluster_kmeans_params_init, (gocluster_kmeans_params *p, uint32_t n, error *e), (p, n, e))
FORWARD(int32_t, gocluster_kmeans_fit_start,
        (const gocluster_kmeans_params *p, array *X, array *s, array *i, array *d, array *c, array *l, array *t,
         gocluster_kmeans_result *r, gocluster_job *j, error *e),
        (p, X, s, i, d, c, l, t, r, j, e))
FORWARD(int32_t, gocluster_kmeans_predict_start,
        (array *X, array *s, array *c, array *l, gocluster_kmeans_result *r, gocluster_job *j, error *e),
        (X, s, c, l, r, j, e))
FORWARD(int32_t, gocluster_kmeans_transform_start, (array *X, array *c, array *o, gocluster_job *j, error *e),
        (X, c, o, j, e))
FORWARD(int32_t, gocluster_kmeans_plusplus_start, (array *X, array *s, array *d, array *i, gocluster_job *j, error *e),
        (X, s, d, i, j, e))
FORWARD(int32_t, gocluster_kmeans_fit_npy_start,
        (const gocluster_kmeans_params *p, const gocluster_file *f, int64_t n, array *s, array *i, array *d, array *c,
         array *l, const char *o, array *t, gocluster_kmeans_result *r, gocluster_job *j, error *e),
        (p, f, n, s, i, d, c, l, o, t, r, j, e))
FORWARD(int32_t, gocluster_kmeans_predict_npy_start,
        (const gocluster_file *f, int64_t n, array *s, array *c, array *l, const char *o, int64_t m,
         gocluster_kmeans_result *r, gocluster_job *j, error *e),
        (f, n, s, c, l, o, m, r, j, e))
FORWARD(int32_t, gocluster_kmeans_survey_start, (array *X, array *m, array *v, gocluster_job *j, error *e), (X, m, v, j, e))
FORWARD(int32_t, gocluster_kmeans_block_start,
        (array *X, array *s, array *c, array *l, array *u, array *m, array *n, gocluster_kmeans_result *r,
         gocluster_job *j, error *e),
        (X, s, c, l, u, m, n, r, j, e))
FORWARD(int32_t, gocluster_kmeans_farthest_start,
        (array *X, array *c, array *r, array *d, array *l, gocluster_job *j, error *e), (X, c, r, d, l, j, e))
FORWARD(int32_t, gocluster_kmeans_round_start,
        (array *X, array *s, array *f, int64_t b, array *c, array *n, double k, int64_t r, int64_t i, double x, array *o,
         array *d, array *v, array *m, gocluster_kmeans_result *t, gocluster_job *j, error *e),
        (X, s, f, b, c, n, k, r, i, x, o, d, v, m, t, j, e))
FORWARD(int32_t, gocluster_kmeans_draws, (double k, int64_t r, int64_t f, array *o, error *e), (k, r, f, o, e))
FORWARD(int32_t, gocluster_npy_info, (const char *p, gocluster_array *i, error *e), (p, i, e))
FORWARD(int32_t, gocluster_npy_read, (const char *p, int64_t r, array *o, error *e), (p, r, o, e))
