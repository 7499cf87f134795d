/* gocluster.h - support vector machines and k-means on all cores, with scikit-learn's results
 *
 * Introduction
 *   The library reads the caller's matrices in place, writes results into the
 *   caller's buffers and never calls back. Functions that can fail return an int32_t:
 *   zero is success, a negative value is one of GOCLUSTER_ERROR_..., a positive
 *   one is information. Any function may be called from any thread at any time.
 *   Results do not depend on the number of threads.
 *
 *   Loading the library starts threads, and handlers for SIGSEGV, SIGBUS, SIGFPE,
 *   SIGPIPE and SIGURG that pass on what is not the library's own; handlers for other
 *   signals stay the program's. It cannot be unloaded, and a child of fork() cannot use
 *   it: every call then gives GOCLUSTER_ERROR_FORKED, until the child runs exec().
 *
 * Simple use (without the checks of the returned codes)
 *
 *     double X[6] = {0, 0,  1, 1,  2, 2};            three rows, two features
 *     int64_t y[3] = {0, 0, 1}, label[3];
 *     gocluster_array Xa = gocluster_matrix(X, GOCLUSTER_F64, 3, 2);
 *     gocluster_array ya = gocluster_vector(y, GOCLUSTER_I64, 3);
 *     gocluster_array la = gocluster_vector(label, GOCLUSTER_I64, 3);
 *     gocluster_svc_params params;
 *     gocluster_svc model;
 *     gocluster_error err;
 *
 *     gocluster_svc_params_init(&params, sizeof params, &err);
 *     params.gamma = 0.5;
 *     gocluster_svc_fit(&params, &Xa, &ya, NULL, NULL, &model, &err);
 *     gocluster_svc_predict(model, &Xa, &la, &err);
 *     gocluster_svc_free(model, &err);
 *
 *   Build with  cc prog.c $(pkg-config --cflags --libs gocluster).
 *   Longer examples are examples/c/svc.c, examples/c/kmeans.c and examples/c/kmeans_npy.c.
 *
 * Contents
 *   version - errors - arrays - threads - jobs and progress - queues - SVC - search - k-means -
 *   npy files - blocking forms
 */
#ifndef GOCLUSTER_H
#define GOCLUSTER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ----------------------------------------------------------------
 * The ABI version is the number in the library's soname (libgocluster.so.1); it
 * changes when a program must be compiled again. The minor number grows when a
 * function, a constant, or a field at the end of a params struct is added. */

#define GOCLUSTER_ABI_VERSION 1
#define GOCLUSTER_ABI_MINOR 0

/* Between "binding: begin" and "binding: end" stand only comments, enums, structs
 * and prototypes, so that bindings can be generated without a preprocessor. */
/* binding: begin */

/* The numbers that the loaded library was built with. Accept it if the version is
 * equal and the minor is not smaller. They work after fork(), too. */
int32_t gocluster_abi_version(void);
int32_t gocluster_abi_minor(void);

/* ---- Errors ---------------------------------------------------------------- */

enum gocluster_code {
    GOCLUSTER_OK = 0,
    GOCLUSTER_PENDING = 1,            /* gocluster_job_wait: time is up, the work goes on */
    GOCLUSTER_ERROR_ARGUMENT = -1,    /* NULL, or a value outside its domain */
    GOCLUSTER_ERROR_STRUCT_SIZE = -2, /* struct_size is not of this ABI, or a newer field is set */
    GOCLUSTER_ERROR_SHAPE = -3,       /* ndim, a length, or lengths that do not agree */
    GOCLUSTER_ERROR_STRIDES = -4,     /* not a multiple of the item, out of the address space, misaligned */
    GOCLUSTER_ERROR_DTYPE = -5,       /* not a type that this argument takes */
    GOCLUSTER_ERROR_NOT_FINITE = -6,  /* NaN or infinity; the message names the row */
    GOCLUSTER_ERROR_OVERLAP = -7,     /* an output shares memory with an input */
    GOCLUSTER_ERROR_TOO_LARGE = -8,   /* more rows or columns than 32-bit indexes hold */
    GOCLUSTER_ERROR_ADDRESS = -9,     /* memory that cannot be read, or an output that cannot be written */
    GOCLUSTER_ERROR_MEMORY = -10,     /* no memory left for the work */
    GOCLUSTER_ERROR_CANCELLED = -11,  /* gocluster_job_cancel or gocluster_job_free came first */
    GOCLUSTER_ERROR_IO = -12,         /* a file: missing, truncated, of another format */
    GOCLUSTER_ERROR_HANDLE = -13,     /* a handle that was freed, never made, or of another kind */
    GOCLUSTER_ERROR_NOT_READY = -14,  /* a result was asked for while the job runs */
    GOCLUSTER_ERROR_FORKED = -15,     /* the library was loaded before fork(); the child cannot use it */
    GOCLUSTER_ERROR_PANIC = -16,      /* a defect of the library, which stays usable; please report it */
    GOCLUSTER_ERROR_POISONED = -17    /* a defect in the scheduler; only a new process helps */
};

/* The caller's, may be NULL, and written only when a call fails. */
typedef struct gocluster_error {
    int32_t code;
    char argument[60];                /* the name in this header: "X", "params.C"; empty if none */
    char message[256];                /* one sentence in UTF-8, ending in a zero byte */
} gocluster_error;

/* "GOCLUSTER_ERROR_SHAPE" and so on; "unknown" for other numbers. Works after fork(). */
const char *gocluster_error_name(int32_t code);

/* ---- Arrays -----------------------------------------------------------------
 * A view of the caller's memory, in native byte order. Element (i, j) lies at
 *     (char *)data + i*strides[0] + j*strides[1].
 * ndim is 1 or 2; at ndim 1 the second length and stride are ignored.
 * An input is never written; its strides may be any multiple of the item's size, zero
 * and negative ones too. An output is contiguous, row after row. Elements are aligned to
 * their size. data may be anything if a length is zero, and a stride if its length is one.
 * The struct is read during the call, and may be reused after it. */

enum gocluster_dtype {
    GOCLUSTER_F32 = 1,
    GOCLUSTER_F64 = 2,
    GOCLUSTER_I32 = 3,
    GOCLUSTER_I64 = 4,
    GOCLUSTER_CSR = 5                 /* data points to a gocluster_csr; see there */
};

typedef struct gocluster_array {
    void *data;
    int32_t dtype;                    /* enum gocluster_dtype */
    int32_t ndim;
    int64_t shape[2];
    int64_t strides[2];               /* in bytes */
} gocluster_array;

/* A matrix in compressed sparse rows, which an array of dtype GOCLUSTER_CSR and ndim 2 refers
 * to; its shape is the array's, strides are ignored. Row i has the elements
 *     data[e] in column indices[e],  indptr[i] <= e < indptr[i+1].
 * indptr begins with 0 and never falls. Columns of a row may stand in any order, and one that
 * stands twice has the sum. All three are contiguous and read in place; if n_elements is zero,
 * data and indices may be anything. An argument that takes GOCLUSTER_CSR says so. */
typedef struct gocluster_csr {
    void *data;                       /* [n_elements] of dtype */
    void *indices;                    /* [n_elements] of index_dtype */
    void *indptr;                     /* [n_rows + 1] of index_dtype */
    int32_t dtype;                    /* GOCLUSTER_F32 or GOCLUSTER_F64 */
    int32_t index_dtype;              /* GOCLUSTER_I32 or GOCLUSTER_I64 */
    int64_t n_elements;               /* at least indptr[n_rows] */
} gocluster_csr;

/* ---- Threads ----------------------------------------------------------------
 * One budget for the process, shared by all jobs. At start it is the first of:
 * GOCLUSTER_NUM_THREADS, OMP_NUM_THREADS, the container's CPU quota, the CPUs that
 * the process may run on. */

/* Return the budget (at least 1), the previous one, or a negative code. */
int32_t gocluster_get_num_threads(void);
int32_t gocluster_set_num_threads(int32_t threads);

/* ---- Jobs and progress ------------------------------------------------------
 * A call that can take long is started, then waited for. Arrays given to ..._start
 * must live, and inputs should not change, until gocluster_job_wait has returned
 * something other than GOCLUSTER_PENDING, or gocluster_job_free has returned.
 * (Inputs that do change give a meaningless result, nothing worse.)
 * Ids are never used twice, so a freed handle is an error and never another's. */

typedef struct gocluster_job { uint64_t id; } gocluster_job;

typedef struct gocluster_progress {
    int64_t done;                     /* never falls; units are those of the work at hand */
    int64_t total;                    /* 0 while unknown */
    double metric;                    /* SVC: the largest KKT violation of the pair at work */
} gocluster_progress;

/* Waits for at most so many milliseconds; 0 only looks, negative waits without limit.
 * Returns GOCLUSTER_PENDING while the work goes on, then the work's own code, for every
 * further call as well. progress may be NULL; it is filled in every case but a bad handle. */
int32_t gocluster_job_wait(gocluster_job job, int64_t milliseconds, gocluster_progress *progress, gocluster_error *err);

/* Asks the work to stop and returns at once. The job then ends with
 * GOCLUSTER_ERROR_CANCELLED, or as it would have if it was about to end. */
int32_t gocluster_job_cancel(gocluster_job job, gocluster_error *err);

/* Cancels the work if it still runs, returns when it has stopped touching the caller's
 * memory, and forgets the job. Safe while other threads wait for the same job. */
int32_t gocluster_job_free(gocluster_job job, gocluster_error *err);

/* ---- Queues -------------------------------------------------------------------
 * Tasks that threads of the program run, within the thread budget. A task is a number
 * that the program gives a meaning. Each of its threads does this:
 *
 *     while (gocluster_queue_next(queue, &task, NULL) == GOCLUSTER_OK)
 *         run(task);
 *
 * A task that runs counts as one thread of the budget, and a job that it starts uses that
 * one and any that are idle. Tasks of a queue that a task made itself begin only as the
 * budget allows, so they must not wait for one another; of each such queue one can always
 * run. Tasks of other queues begin as soon as a thread asks. */

typedef struct gocluster_queue { uint64_t id; } gocluster_queue;

/* At most job_threads threads work on one job of a task; 0 is no limit but the budget. */
int32_t gocluster_queue_new(int32_t job_threads, gocluster_queue *queue, gocluster_error *err);

/* Appends a task. */
int32_t gocluster_queue_push(gocluster_queue queue, int64_t task, gocluster_error *err);

/* Ends the task that the calling thread was given before, and waits for the next one.
 * Once the queue is freed it returns GOCLUSTER_ERROR_HANDLE. A thread that has a task
 * calls this again before it exits. */
int32_t gocluster_queue_next(gocluster_queue queue, int64_t *task, gocluster_error *err);

/* Forgets the tasks that have not begun, wakes the threads that wait, and cancels the jobs
 * that running tasks wait for or will start. Returns at once. */
int32_t gocluster_queue_free(gocluster_queue queue, gocluster_error *err);

/* ---- SVC: support vector classification --------------------------------------
 * For every pair of classes i < j, with y_t = +1 for rows of class i and -1 for rows
 * of class j, this is the problem of libsvm and of scikit-learn's SVC:
 *
 *     min over a   1/2 sum_st a_s a_t y_s y_t K(x_s, x_t) - sum_t a_t
 *     subject to   sum_t a_t y_t = 0,   0 <= a_t <= C * class_weight[y_t] * sample_weight[t]
 */

enum gocluster_kernel {               /* libsvm's numbers. K(x,z) = */
    GOCLUSTER_KERNEL_LINEAR = 0,      /* x.z */
    GOCLUSTER_KERNEL_POLY = 1,        /* (gamma x.z + coef0)^degree */
    GOCLUSTER_KERNEL_RBF = 2,         /* exp(-gamma |x-z|^2) */
    GOCLUSTER_KERNEL_SIGMOID = 3,     /* tanh(gamma x.z + coef0); not positive definite, like POLY with coef0 < 0:
                                         the solution is then one of several that meet the tolerance */
    GOCLUSTER_KERNEL_PRECOMPUTED = 4  /* X holds the values: K(row, column), from rows of training in the columns */
};

/* Fields carry scikit-learn's names and defaults. struct_size = sizeof(gocluster_svc_params)
 * as the caller compiled it: a shorter one comes from an older caller, and the fields
 * it lacks take their defaults; a longer one is accepted if all it adds is zero. */
typedef struct gocluster_svc_params {
    uint32_t struct_size;
    int32_t kernel;                   /* enum gocluster_kernel; RBF */
    double C;                         /* > 0; 1 */
    double gamma;                     /* POLY, RBF, SIGMOID: >= 0. No default: init sets -1, which is refused.
                                         scikit-learn's "scale" is 1 / (n_features * variance of all of X), its
                                         "auto" 1 / n_features; the caller computes them */
    double tol;                       /* > 0: end when the KKT violation is at most tol; 1e-3 */
    double cache_size;                /* > 0: megabytes of kernel values to keep; 200 */
    int64_t max_iter;                 /* a limit on updates of pairs of variables, for each pair of classes; -1 is
                                         none. A step that moves m variables at once counts as m */
    int32_t degree;                   /* POLY: >= 0; 3 */
    int32_t probability;              /* 0, or 1: also fit PROB_A and PROB_B, by five more trainings of each pair; 0 */
    double coef0;                     /* POLY, SIGMOID: finite; 0 */
    int64_t random_state;             /* 0 .. 2^32-1, the seed of an MT19937 generator: which rows those leave out; 0 */
} gocluster_svc_params;

/* Writes the defaults and struct_size into the first struct_size bytes. */
int32_t gocluster_svc_params_init(gocluster_svc_params *params, uint32_t struct_size, gocluster_error *err);

/* A fitted model. It owns its memory, does not change, and may be used by many threads. */
typedef struct gocluster_svc { uint64_t id; } gocluster_svc;

/* Starts the training.
 *   X              n_rows x n_features, F32, F64 or CSR, finite. PRECOMPUTED: n_rows x n_rows, F32
 *                  or F64, read in place; symmetric, or column j is taken from row j
 *   y              n_rows labels, I32 or I64, any integers, at least two different ones
 *   sample_weight  n_rows, F32 or F64, or NULL for ones; rows of weight <= 0 do not take part
 *   class_weight   one per class in ascending order of the labels, F32 or F64, or NULL for ones */
int32_t gocluster_svc_fit_start(const gocluster_svc_params *params, const gocluster_array *X, const gocluster_array *y,
                                const gocluster_array *sample_weight, const gocluster_array *class_weight,
                                gocluster_job *job, gocluster_error *err);

/* Gives the model of a job that ended with GOCLUSTER_OK: one more handle at every call. */
int32_t gocluster_svc_fit_result(gocluster_job job, gocluster_svc *model, gocluster_error *err);

/* Lengths, and what belongs to the model as a whole. Set struct_size before the call;
 * no more than that is written, and what lies beyond this version's fields is zeroed. */
typedef struct gocluster_svc_shape {
    uint32_t struct_size;
    int32_t converged;                /* 1, or 0 if max_iter ended a pair */
    int64_t n_classes;
    int64_t n_pairs;                  /* n_classes (n_classes-1) / 2, ordered (0,1) (0,2) .. (1,2) .. */
    int64_t n_features;               /* PRECOMPUTED: columns of X that a prediction needs */
    int64_t n_support_vectors;
    int64_t n_support_elements;       /* of sparse SUPPORT_VECTORS; -1 if they are dense */
} gocluster_svc_shape;

int32_t gocluster_svc_get_shape(gocluster_svc model, gocluster_svc_shape *shape, gocluster_error *err);

/* Signs and order are libsvm's: a positive decision value votes for the lower class.
 * (scikit-learn turns the signs of dual_coef_ and intercept_ when there are two classes.) */
enum gocluster_svc_attribute {
    GOCLUSTER_SVC_CLASSES = 1,         /* I64 [n_classes]: the labels, ascending */
    GOCLUSTER_SVC_SUPPORT = 2,         /* I32 [n_support_vectors]: rows of X, by class, then ascending */
    GOCLUSTER_SVC_N_SUPPORT = 3,       /* I32 [n_classes] */
    GOCLUSTER_SVC_SUPPORT_VECTORS = 4, /* F64 [n_support_vectors, n_features]; CSR with F64 data if X was;
                                          not of PRECOMPUTED */
    GOCLUSTER_SVC_DUAL_COEF = 5,       /* F64 [n_classes-1, n_support_vectors]: a_t y_t in each pair of t's class */
    GOCLUSTER_SVC_INTERCEPT = 6,       /* F64 [n_pairs] */
    GOCLUSTER_SVC_N_ITER = 7,          /* I32 [n_pairs] */
    GOCLUSTER_SVC_GAP = 8,             /* F64 [n_pairs]: the KKT violation that was reached */
    GOCLUSTER_SVC_OBJECTIVE = 9,       /* F64 [n_pairs]: the value of the problem above */
    GOCLUSTER_SVC_PROB_A = 10,         /* F64 [n_pairs], or [0] without params.probability: where the decision value */
    GOCLUSTER_SVC_PROB_B = 11          /* is f, class i has probability 1 / (1 + exp(A f + B)) against class j */
};

/* Copies one attribute into out, which has that dtype and shape. A model made by
 * gocluster_svc_from_arrays has no SUPPORT, N_ITER, GAP and OBJECTIVE. */
int32_t gocluster_svc_get(gocluster_svc model, int32_t attribute, const gocluster_array *out, gocluster_error *err);

/* Makes a model from the attributes of that name; classes I32 or I64 and ascending, n_support
 * I32 or I64, the others F32 or F64, support_vectors CSR too, and with PRECOMPUTED support (I32 or I64) in its
 * place; prob_a and prob_b may both be NULL. Of params only kernel, gamma, degree and coef0 are used. All is copied. */
int32_t gocluster_svc_from_arrays(const gocluster_svc_params *params, const gocluster_array *classes,
                                  const gocluster_array *n_support, const gocluster_array *support_vectors,
                                  const gocluster_array *dual_coef, const gocluster_array *intercept,
                                  const gocluster_array *prob_a, const gocluster_array *prob_b,
                                  gocluster_svc *model, gocluster_error *err);

/* out[r, p] = sum_t dual_coef K(x_t, X_r) + intercept for pair p; F64 [n_rows, n_pairs],
 * or one-dimensional if there is one pair. X is F32 or F64, and CSR for a model with sparse
 * support vectors. */
int32_t gocluster_svc_decision_function_start(gocluster_svc model, const gocluster_array *X, const gocluster_array *out,
                                              gocluster_job *job, gocluster_error *err);

/* The class with most votes of the pairs, the lowest one on a tie. out is [n_rows]:
 * I64 receives labels, I32 receives indexes into the classes. */
int32_t gocluster_svc_predict_start(gocluster_svc model, const gocluster_array *X, const gocluster_array *out,
                                    gocluster_job *job, gocluster_error *err);

/* out[r, c] is the probability of class c; F64 [n_rows, n_classes]. They are coupled from those of the
 * pairs as by libsvm. The class with the largest one need not be the predicted one. */
int32_t gocluster_svc_predict_proba_start(gocluster_svc model, const gocluster_array *X, const gocluster_array *out,
                                          gocluster_job *job, gocluster_error *err);

/* Forgets the handle. Work that uses the model goes on and ends well. */
int32_t gocluster_svc_free(gocluster_svc model, gocluster_error *err);

/* ---- SVC: search ---------------------------------------------------------------
 * Many fits of one data set: candidates of a grid on the splits of a cross-validation. The
 * work that fits have in common is done once, and those that differ in C alone start from
 * one another; each ends when its KKT violation is at most its tol, as alone. */

/* Starts the fits. Progress counts them.
 *   fits           n_fits params structs, one after the other, of one struct_size
 *   split          I32 or I64 [n_fits]: which split each is of
 *   X, y, sample_weight   as for gocluster_svc_fit_start
 *   class_weight   F32 or F64 [n_fits, n_classes], or NULL for ones
 *   train          I32 or I64: the rows that split 0 trains on, then those of split 1, and so on; at
 *                  least two classes with rows of positive weight. Rows may repeat
 *   train_end      I32 or I64 [n_splits]: where each split ends in train
 *   test, test_end likewise the rows to predict
 *   predicted      out, or NULL: the classes of the test rows of the split of fit 0, then those of fit 1,
 *                  and so on; I64 receives labels, I32 indexes into the labels in ascending order
 *   decision       out, F64 [as predicted, n_pairs], or NULL: decision values as of
 *                  gocluster_svc_decision_function_start; NaN for a pair with a class that the split lacks
 *   probability    out, F64 [as predicted, n_classes], or NULL: of fits whose params.probability is 1, which has no
 *                  other effect here, the probabilities of the classes; NaN of others
 *   report         out, F64 [n_fits, 3], or NULL: seconds of work, with an equal share of what
 *                  fits have in common; the KKT violation; 1, or 0 if max_iter ended a pair */
int32_t gocluster_svc_search_start(const gocluster_svc_params *fits, int64_t n_fits, const gocluster_array *split,
                                   const gocluster_array *X, const gocluster_array *y,
                                   const gocluster_array *sample_weight, const gocluster_array *class_weight,
                                   const gocluster_array *train, const gocluster_array *train_end,
                                   const gocluster_array *test, const gocluster_array *test_end,
                                   const gocluster_array *predicted, const gocluster_array *decision,
                                   const gocluster_array *probability, const gocluster_array *report,
                                   gocluster_job *job, gocluster_error *err);

/* ---- k-means -------------------------------------------------------------------
 * Lloyd's algorithm on
 *
 *     min over c, label   sum_t sample_weight[t] |X_t - c_label[t]|^2
 *
 * with scikit-learn's order of steps, tests of convergence and treatment of clusters
 * that become empty. A label is the lowest index of a nearest centre, in float64. */

enum gocluster_kmeans_init {
    GOCLUSTER_INIT_PLUSPLUS = 0,      /* greedy k-means++ */
    GOCLUSTER_INIT_SCALABLE = 1,      /* k-means||: rounds choose candidates, which are clustered by what they
                                         attract (Bahmani et al. 2012) */
    GOCLUSTER_INIT_RANDOM = 2         /* different rows, drawn by weight */
};

/* Fields carry scikit-learn's names and defaults, and dask-ml's; struct_size as in gocluster_svc_params. */
typedef struct gocluster_kmeans_params {
    uint32_t struct_size;
    int32_t n_init;                   /* >= 1: runs, of which the one with the least inertia stays; 1 */
    int64_t n_clusters;               /* 1 .. rows of X; 8 */
    int64_t max_iter;                 /* >= 1: iterations of a run at most; 300 */
    double tol;                       /* >= 0: a run ends when sum_j |new c_j - c_j|^2 <= tol * the mean
                                         of the variances of the columns of X; 1e-4 */
    int64_t random_state;             /* where numbers come from if neither init nor draws are given; 0 */
    int64_t init;                     /* enum gocluster_kmeans_init, where no centres are given; PLUSPLUS */
    double oversampling_factor;       /* SCALABLE: > 0, n_clusters times this is how many candidates a round is
                                         expected to choose; 2 */
    int64_t init_max_iter;            /* SCALABLE: >= 0 rounds, more only while candidates are fewer than clusters; 0
                                         is the natural logarithm of the cost with one centre, from 2 to 5; 0 */
    int64_t memory_limit;             /* for rows in files: >= 0 bytes; 0 is a quarter of what the system, the container
                                         and the process's limits leave; 0 */
} gocluster_kmeans_params;

int32_t gocluster_kmeans_params_init(gocluster_kmeans_params *params, uint32_t struct_size, gocluster_error *err);

/* Set struct_size before the call; no more than that is written, and what lies beyond
 * this version's fields is zeroed. */
typedef struct gocluster_kmeans_result {
    uint32_t struct_size;
    int32_t converged;                /* 1, or 0 if max_iter ended the run */
    double inertia;                   /* the value of the problem above */
    int64_t n_iter;                   /* iterations of the run that stays */
    int64_t n_distinct;               /* clusters that have rows */
    int64_t n_passes;                 /* over rows in files: how often they were read */
} gocluster_kmeans_result;

/* Starts a clustering. Progress counts iterations of all runs; metric is how far the
 * centres moved, as for tol. What is written counts once the job has ended with GOCLUSTER_OK.
 *   X              n_rows x n_features, F32, F64 or CSR, finite; so in the three calls that follow
 *   sample_weight  n_rows, F32 or F64, not negative, not all zero; or NULL for ones
 *   init           centres to start from, [n_init * n_clusters, n_features], F32 or F64; or
 *                  NULL for params.init
 *   draws          numbers u in [0, 1), F32 or F64. For k-means++ n_init times 1 + (n_clusters-1) * trials
 *                  of them, in scikit-learn's order: one for the first centre, then
 *                  for each further one as many as candidates are tried. For SCALABLE each of the
 *                  n_init parts begins with one number more, which the draws of all rounds come from. For
 *                  RANDOM n_init numbers. NULL: from random_state for 2 + floor(ln n_clusters) trials. Not used
 *                  with init
 *   centers        out, F64 [n_clusters, n_features]; float32 values if X is F32
 *   labels         out, I32 [n_rows]
 *   trace          out, F64 [n_init * m, 3], or NULL: for the first m iterations of each run the inertia
 *                  before the centres move, how far they move, and 1 if the run goes
 *                  on, 2 if no label changed, 3 if tol was reached, 4 if max_iter was;
 *                  zeros until an iteration is over, so that it can be read meanwhile
 *   result         out, or NULL; it must live as long as the arrays */
int32_t gocluster_kmeans_fit_start(const gocluster_kmeans_params *params, const gocluster_array *X,
                                   const gocluster_array *sample_weight, const gocluster_array *init,
                                   const gocluster_array *draws, const gocluster_array *centers,
                                   const gocluster_array *labels, const gocluster_array *trace,
                                   gocluster_kmeans_result *result, gocluster_job *job, gocluster_error *err);

/* labels[t] = the nearest of centers, F32 or F64 [k, n_features]. Of result, inertia is set. */
int32_t gocluster_kmeans_predict_start(const gocluster_array *X, const gocluster_array *sample_weight,
                                       const gocluster_array *centers, const gocluster_array *labels,
                                       gocluster_kmeans_result *result, gocluster_job *job, gocluster_error *err);

/* out[t, j] = |X_t - centers_j|, F32 or F64 [n_rows, k]. */
int32_t gocluster_kmeans_transform_start(const gocluster_array *X, const gocluster_array *centers,
                                         const gocluster_array *out, gocluster_job *job, gocluster_error *err);

/* Greedy k-means++ alone: indices, I64 [k], receives rows of X. draws as above, for one run. */
int32_t gocluster_kmeans_plusplus_start(const gocluster_array *X, const gocluster_array *sample_weight,
                                        const gocluster_array *draws, const gocluster_array *indices,
                                        gocluster_job *job, gocluster_error *err);

/* k-means on rows that lie in files, which may be larger than memory: they are read in pieces, once for each
 * iteration, for each round of SCALABLE, and, where needed, for the labels of the last centres. The result is
 * that of the same rows in memory, to the last bit. A file that is cut short or changes its length is
 * GOCLUSTER_ERROR_IO, with its name and the offset. */

typedef struct gocluster_file {
    const char *path;
    const gocluster_array *layout;    /* NULL: a .npy file. Else the dtype and the shape, of two dimensions, of rows
                                         that follow one another without a header; its other fields are not used */
    int64_t offset;                   /* with a layout: bytes before the first row */
} gocluster_file;

/* gocluster_kmeans_fit_start for the rows of n_files files, one file after the other, with as many columns of
 * one dtype: F32, F64, or I32 and I64, which count as F64. It makes one run (params.n_init is 1), and takes centres in
 * init, or params.init SCALABLE or RANDOM: PLUSPLUS would read the files for every centre.
 *
 * params.memory_limit bounds what is allocated, labels included, other arrays of the caller not; 64 MB may
 * come on top. What is kept of each row (a label, and for SCALABLE a distance) goes to scratch files, in $TMPDIR
 * or else /var/tmp, where it does not fit.
 * Its progress counts rows: done those read in all passes, total those up to the end of the present pass.
 *   labels         out, I32 [n_rows], or NULL
 *   labels_path    a .npy file to write the labels to, or NULL. It appears when it is complete */
int32_t gocluster_kmeans_fit_npy_start(const gocluster_kmeans_params *params, const gocluster_file *files, int64_t n_files,
                                       const gocluster_array *sample_weight, const gocluster_array *init,
                                       const gocluster_array *draws, const gocluster_array *centers,
                                       const gocluster_array *labels, const char *labels_path,
                                       const gocluster_array *trace, gocluster_kmeans_result *result,
                                       gocluster_job *job, gocluster_error *err);

/* gocluster_kmeans_predict_start for such rows, in one pass. */
int32_t gocluster_kmeans_predict_npy_start(const gocluster_file *files, int64_t n_files,
                                           const gocluster_array *sample_weight, const gocluster_array *centers,
                                           const gocluster_array *labels, const char *labels_path,
                                           int64_t memory_limit, gocluster_kmeans_result *result,
                                           gocluster_job *job, gocluster_error *err);

/* k-means on a matrix that lies in blocks of rows, which may be on several machines: what
 * its blocks give, added up, is what the matrix gives. X is F32, F64 or CSR. */

/* mean, F64 [n_features]: that of the rows. variance, F64 [1]: the mean of the columns' variances. */
int32_t gocluster_kmeans_survey_start(const gocluster_array *X, const gocluster_array *mean,
                                      const gocluster_array *variance, gocluster_job *job, gocluster_error *err);

/* Assigns the rows to the nearest centres, in one pass.
 *   sample_weight  n_rows, F32 or F64, not negative, may be all zero; or NULL for ones
 *   centers        F32 or F64 [k, n_features]
 *   labels         out, I32 [n_rows], or NULL
 *   sums           out, F64 [k, n_features]: for each centre its rows, weighted and added up
 *   mass, counts   out, F64 and I64 [k]: their weights added up, and how many have weight
 *   result         out, or NULL: inertia is set */
int32_t gocluster_kmeans_block_start(const gocluster_array *X, const gocluster_array *sample_weight,
                                     const gocluster_array *centers, const gocluster_array *labels,
                                     const gocluster_array *sums, const gocluster_array *mass,
                                     const gocluster_array *counts, gocluster_kmeans_result *result,
                                     gocluster_job *job, gocluster_error *err);

/* The m <= n_rows rows that are farthest from the nearest centre, the farthest first, of equals the lowest:
 * rows, I64 [m]; distances, F64 [m], squared; labels, I32 [m], of the centres. */
int32_t gocluster_kmeans_farthest_start(const gocluster_array *X, const gocluster_array *centers,
                                        const gocluster_array *rows, const gocluster_array *distances,
                                        const gocluster_array *labels, gocluster_job *job, gocluster_error *err);

/* A round of k-means|| on a block of rows; params.init above says what it is for. Of each row is kept how far the nearest
 * candidate is, squared, and which one that is.
 *   sample_weight        as above
 *   fresh                candidates that the rows have not met yet, F64 [m, n_features]; NULL: none
 *   base                 the number of candidates before them; 0: closest and nearest hold nothing yet
 *   closest, nearest     in and out, F64 and I32 [n_rows]
 *   key                  in [0, 1): the first number of draws above
 *   round                >= 1, of which this is to draw the candidates
 *   first_row            the number of the first row of the block among all
 *   expected             >= 0: how many rows to expect
 *   rows, draws, costs   out, I64, F64 and F64 [room], or NULL for none: rows of the block that may become candidates. Those
 *                        do where draws < share * costs, with share = n_clusters * oversampling_factor / the cost of all
 *                        rows. All such rows are there if share <= expected / the cost of the block
 *   found                out, I64 [1]: how many there are; more than room: the first ones are stored
 *   result               out, or NULL: inertia is set to the cost of the block, sample_weight times closest added up */
int32_t gocluster_kmeans_round_start(const gocluster_array *X, const gocluster_array *sample_weight,
                                     const gocluster_array *fresh, int64_t base, const gocluster_array *closest,
                                     const gocluster_array *nearest, double key, int64_t round, int64_t first_row,
                                     double expected, const gocluster_array *rows, const gocluster_array *draws,
                                     const gocluster_array *costs, const gocluster_array *found,
                                     gocluster_kmeans_result *result, gocluster_job *job, gocluster_error *err);

/* out, F64 [n]: what k-means|| draws in a round for the rows from first_row on. Round 0, row 0 is for the first candidate. */
int32_t gocluster_kmeans_draws(double key, int64_t round, int64_t first_row, const gocluster_array *out, gocluster_error *err);

/* ---- npy files ----------------------------------------------------------------
 * NumPy's format: F32, F64, I32 or I64 in little-endian C order, one or two dimensions. */

/* Fills dtype, ndim, shape and the strides of a contiguous array; data becomes NULL. */
int32_t gocluster_npy_info(const char *path, gocluster_array *info, gocluster_error *err);

/* Reads out->shape[0] rows, from first_row on, into out, which has the file's dtype, number
 * of dimensions and columns. It returns when all is read: take large files in blocks of rows. */
int32_t gocluster_npy_read(const char *path, int64_t first_row, const gocluster_array *out, gocluster_error *err);

/* binding: end */

/* ---- Blocking forms -------------------------------------------------------------
 * Contiguous and sparse arrays, and start + wait + free in one call. */

static inline gocluster_array gocluster_matrix(void *data, int32_t dtype, int64_t rows, int64_t columns)
{
    gocluster_array a;
    int64_t item = dtype == GOCLUSTER_F64 || dtype == GOCLUSTER_I64 ? 8 : 4;
    a.data = data;
    a.dtype = dtype;
    a.ndim = 2;
    a.shape[0] = rows;
    a.shape[1] = columns;
    a.strides[0] = columns * item;
    a.strides[1] = item;
    return a;
}

static inline gocluster_array gocluster_sparse(gocluster_csr *csr, int64_t rows, int64_t columns)
{
    return gocluster_matrix(csr, GOCLUSTER_CSR, rows, columns);
}

static inline gocluster_array gocluster_vector(void *data, int32_t dtype, int64_t length)
{
    gocluster_array a = gocluster_matrix(data, dtype, length, 1);
    a.ndim = 1;
    return a;
}

static inline int32_t gocluster_svc_fit(const gocluster_svc_params *params, const gocluster_array *X,
                                        const gocluster_array *y, const gocluster_array *sample_weight,
                                        const gocluster_array *class_weight, gocluster_svc *model,
                                        gocluster_error *err)
{
    gocluster_job job;
    int32_t code = gocluster_svc_fit_start(params, X, y, sample_weight, class_weight, &job, err);
    if (code < 0)
        return code;
    code = gocluster_job_wait(job, -1, (gocluster_progress *)0, err);
    if (code == GOCLUSTER_OK)
        code = gocluster_svc_fit_result(job, model, err);
    gocluster_job_free(job, (gocluster_error *)0);
    return code;
}

static inline int32_t gocluster_svc_decision_function(gocluster_svc model, const gocluster_array *X,
                                                      const gocluster_array *out, gocluster_error *err)
{
    gocluster_job job;
    int32_t code = gocluster_svc_decision_function_start(model, X, out, &job, err);
    if (code < 0)
        return code;
    code = gocluster_job_wait(job, -1, (gocluster_progress *)0, err);
    gocluster_job_free(job, (gocluster_error *)0);
    return code;
}

static inline int32_t gocluster_svc_predict(gocluster_svc model, const gocluster_array *X,
                                            const gocluster_array *out, gocluster_error *err)
{
    gocluster_job job;
    int32_t code = gocluster_svc_predict_start(model, X, out, &job, err);
    if (code < 0)
        return code;
    code = gocluster_job_wait(job, -1, (gocluster_progress *)0, err);
    gocluster_job_free(job, (gocluster_error *)0);
    return code;
}

static inline int32_t gocluster_svc_predict_proba(gocluster_svc model, const gocluster_array *X,
                                                  const gocluster_array *out, gocluster_error *err)
{
    gocluster_job job;
    int32_t code = gocluster_svc_predict_proba_start(model, X, out, &job, err);
    if (code < 0)
        return code;
    code = gocluster_job_wait(job, -1, (gocluster_progress *)0, err);
    gocluster_job_free(job, (gocluster_error *)0);
    return code;
}

static inline int32_t gocluster_svc_search(const gocluster_svc_params *fits, int64_t n_fits,
                                           const gocluster_array *split, const gocluster_array *X,
                                           const gocluster_array *y, const gocluster_array *sample_weight,
                                           const gocluster_array *class_weight, const gocluster_array *train,
                                           const gocluster_array *train_end, const gocluster_array *test,
                                           const gocluster_array *test_end, const gocluster_array *predicted,
                                           const gocluster_array *decision, const gocluster_array *probability,
                                           const gocluster_array *report, gocluster_error *err)
{
    gocluster_job job;
    int32_t code = gocluster_svc_search_start(fits, n_fits, split, X, y, sample_weight, class_weight, train, train_end,
                                              test, test_end, predicted, decision, probability, report, &job, err);
    if (code < 0)
        return code;
    code = gocluster_job_wait(job, -1, (gocluster_progress *)0, err);
    gocluster_job_free(job, (gocluster_error *)0);
    return code;
}

static inline int32_t gocluster_kmeans_fit(const gocluster_kmeans_params *params, const gocluster_array *X,
                                           const gocluster_array *sample_weight, const gocluster_array *init,
                                           const gocluster_array *centers, const gocluster_array *labels,
                                           gocluster_kmeans_result *result, gocluster_error *err)
{
    gocluster_job job;
    int32_t code = gocluster_kmeans_fit_start(params, X, sample_weight, init, (const gocluster_array *)0, centers,
                                              labels, (const gocluster_array *)0, result, &job, err);
    if (code < 0)
        return code;
    code = gocluster_job_wait(job, -1, (gocluster_progress *)0, err);
    gocluster_job_free(job, (gocluster_error *)0);
    return code;
}

/* Of one .npy file; init and labels_path may be NULL, and labels too. */
static inline int32_t gocluster_kmeans_fit_npy(const gocluster_kmeans_params *params, const char *path,
                                               const gocluster_array *init, const gocluster_array *centers,
                                               const gocluster_array *labels, const char *labels_path,
                                               gocluster_kmeans_result *result, gocluster_error *err)
{
    gocluster_job job;
    gocluster_file file;
    int32_t code;
    file.path = path;
    file.layout = (const gocluster_array *)0;
    file.offset = 0;
    code = gocluster_kmeans_fit_npy_start(params, &file, 1, (const gocluster_array *)0, init, (const gocluster_array *)0,
                                          centers, labels, labels_path, (const gocluster_array *)0, result, &job, err);
    if (code < 0)
        return code;
    code = gocluster_job_wait(job, -1, (gocluster_progress *)0, err);
    gocluster_job_free(job, (gocluster_error *)0);
    return code;
}

static inline int32_t gocluster_kmeans_predict(const gocluster_array *X, const gocluster_array *centers,
                                               const gocluster_array *labels, gocluster_error *err)
{
    gocluster_job job;
    int32_t code = gocluster_kmeans_predict_start(X, (const gocluster_array *)0, centers, labels,
                                                  (gocluster_kmeans_result *)0, &job, err);
    if (code < 0)
        return code;
    code = gocluster_job_wait(job, -1, (gocluster_progress *)0, err);
    gocluster_job_free(job, (gocluster_error *)0);
    return code;
}

#ifdef __cplusplus
}
#endif

#endif /* GOCLUSTER_H */
