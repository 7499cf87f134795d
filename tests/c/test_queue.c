/* Queues: tasks that the program's own threads run. */
#include "check.h"

#include <pthread.h>
#include <time.h>

enum { tasks = 1000 };

typedef struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    gocluster_queue queue;
    int ran[tasks];
    int total;
    int now; /* running */
} shared;

static void set_up(shared *s)
{
    memset(s, 0, sizeof *s);
    CHECK(pthread_mutex_init(&s->mutex, NULL) == 0 && pthread_cond_init(&s->changed, NULL) == 0);
    EXPECT_OK(gocluster_queue_new(0, &s->queue, &last_error));
}

static void *worker(void *argument)
{
    shared *s = (shared *)argument;
    int64_t task;
    int32_t code;
    while ((code = gocluster_queue_next(s->queue, &task, NULL)) == GOCLUSTER_OK) {
        CHECK(task >= 0 && task < tasks);
        CHECK(pthread_mutex_lock(&s->mutex) == 0);
        s->ran[task]++;
        s->total++;
        CHECK(pthread_cond_broadcast(&s->changed) == 0 && pthread_mutex_unlock(&s->mutex) == 0);
    }
    CHECK(code == GOCLUSTER_ERROR_HANDLE);
    return NULL;
}

static void every_task_runs_once(void)
{
    static shared s;
    pthread_t threads[8];
    int i;
    set_up(&s);
    for (i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], NULL, worker, &s) == 0);
    for (i = 0; i < tasks; i++)
        EXPECT_OK(gocluster_queue_push(s.queue, i, &last_error));
    CHECK(pthread_mutex_lock(&s.mutex) == 0);
    while (s.total < tasks)
        CHECK(pthread_cond_wait(&s.changed, &s.mutex) == 0);
    CHECK(pthread_mutex_unlock(&s.mutex) == 0);
    EXPECT_OK(gocluster_queue_free(s.queue, &last_error));
    for (i = 0; i < 8; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    for (i = 0; i < tasks; i++)
        CHECK(s.ran[i] == 1);
}

static void arguments_are_checked(void)
{
    gocluster_queue queue = {0};
    int64_t task;
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "job_threads", gocluster_queue_new(-1, &queue, &last_error));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "queue", gocluster_queue_new(0, NULL, &last_error));
    REFUSED(GOCLUSTER_ERROR_HANDLE, "queue", gocluster_queue_push(queue, 1, &last_error));
    REFUSED(GOCLUSTER_ERROR_HANDLE, "queue", gocluster_queue_next(queue, &task, &last_error));
    REFUSED(GOCLUSTER_ERROR_HANDLE, "queue", gocluster_queue_free(queue, &last_error));
    EXPECT_OK(gocluster_queue_new(2, &queue, &last_error));
    REFUSED(GOCLUSTER_ERROR_HANDLE, "model", gocluster_svc_free(*(gocluster_svc *)&queue, &last_error));
    EXPECT_OK(gocluster_queue_push(queue, -7, &last_error));
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "task", gocluster_queue_next(queue, NULL, &last_error));
    EXPECT_OK(gocluster_queue_push(queue, INT64_MIN, &last_error));
    EXPECT_OK(gocluster_queue_next(queue, &task, &last_error));
    CHECK(task == INT64_MIN);
    EXPECT_OK(gocluster_queue_free(queue, &last_error));
    REFUSED(GOCLUSTER_ERROR_HANDLE, "queue", gocluster_queue_push(queue, 1, &last_error));
    REFUSED(GOCLUSTER_ERROR_HANDLE, "queue", gocluster_queue_next(queue, &task, &last_error));
    REFUSED(GOCLUSTER_ERROR_HANDLE, "queue", gocluster_queue_free(queue, &last_error));
}

static void *fit_in_a_task(void *argument)
{
    shared *s = (shared *)argument;
    problem p = long_problem();
    gocluster_job job;
    int64_t task;
    EXPECT_OK(gocluster_queue_next(s->queue, &task, NULL));
    CHECK(gocluster_svc_fit_start(&p.params, &p.X, &p.y, NULL, NULL, &job, NULL) == GOCLUSTER_OK);
    CHECK(pthread_mutex_lock(&s->mutex) == 0);
    s->total++;
    CHECK(pthread_cond_broadcast(&s->changed) == 0 && pthread_mutex_unlock(&s->mutex) == 0);
    CHECK(gocluster_job_wait(job, -1, NULL, NULL) == GOCLUSTER_ERROR_CANCELLED);
    CHECK(gocluster_job_free(job, NULL) == GOCLUSTER_OK);
    /* The queue is gone, and so would be what is started now. */
    CHECK(gocluster_svc_fit_start(&p.params, &p.X, &p.y, NULL, NULL, &job, NULL) == GOCLUSTER_OK);
    CHECK(gocluster_job_wait(job, -1, NULL, NULL) == GOCLUSTER_ERROR_CANCELLED);
    CHECK(gocluster_job_free(job, NULL) == GOCLUSTER_OK);
    CHECK(gocluster_queue_next(s->queue, &task, NULL) == GOCLUSTER_ERROR_HANDLE);
    /* The task has ended, so this is a fit as any other. */
    p = small_problem();
    CHECK(gocluster_svc_free(fitted(&p), NULL) == GOCLUSTER_OK);
    return NULL;
}

static void freeing_cancels_the_fits_of_tasks(void)
{
    static shared s;
    pthread_t thread;
    struct timespec nap = {0, 50000000};
    set_up(&s);
    EXPECT_OK(gocluster_queue_push(s.queue, 1, &last_error));
    CHECK(pthread_create(&thread, NULL, fit_in_a_task, &s) == 0);
    CHECK(pthread_mutex_lock(&s.mutex) == 0);
    while (s.total == 0)
        CHECK(pthread_cond_wait(&s.changed, &s.mutex) == 0);
    CHECK(pthread_mutex_unlock(&s.mutex) == 0);
    CHECK(nanosleep(&nap, NULL) == 0);
    EXPECT_OK(gocluster_queue_free(s.queue, &last_error));
    CHECK(pthread_join(thread, NULL) == 0);
}

/* A task makes a queue: however many threads ask, its tasks come one by one if the budget is one thread. */
static void *count_together(void *argument)
{
    shared *s = (shared *)argument;
    struct timespec nap = {0, 1000000};
    int64_t task;
    while (gocluster_queue_next(s->queue, &task, NULL) == GOCLUSTER_OK) {
        CHECK(pthread_mutex_lock(&s->mutex) == 0);
        CHECK(s->now++ == 0);
        CHECK(pthread_mutex_unlock(&s->mutex) == 0);
        CHECK(nanosleep(&nap, NULL) == 0);
        CHECK(pthread_mutex_lock(&s->mutex) == 0);
        s->now--;
        s->total++;
        CHECK(pthread_cond_broadcast(&s->changed) == 0 && pthread_mutex_unlock(&s->mutex) == 0);
    }
    return NULL;
}

static void inner_tasks_keep_to_the_budget(void)
{
    static shared s;
    gocluster_queue outer;
    pthread_t threads[4];
    int64_t task;
    int i;
    CHECK(gocluster_set_num_threads(1) > 0);
    EXPECT_OK(gocluster_queue_new(0, &outer, &last_error));
    EXPECT_OK(gocluster_queue_push(outer, 1, &last_error));
    EXPECT_OK(gocluster_queue_next(outer, &task, &last_error));
    set_up(&s);
    for (i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, count_together, &s) == 0);
    for (i = 0; i < 20; i++)
        EXPECT_OK(gocluster_queue_push(s.queue, i, &last_error));
    CHECK(pthread_mutex_lock(&s.mutex) == 0);
    while (s.total < 20)
        CHECK(pthread_cond_wait(&s.changed, &s.mutex) == 0);
    CHECK(pthread_mutex_unlock(&s.mutex) == 0);
    EXPECT_OK(gocluster_queue_free(s.queue, &last_error));
    for (i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    EXPECT_OK(gocluster_queue_free(outer, &last_error));
    EXPECT(GOCLUSTER_ERROR_HANDLE, gocluster_queue_next(outer, &task, &last_error));
}

static const test table[] = {
    TEST(every_task_runs_once),
    TEST(arguments_are_checked),
    TEST(freeing_cancels_the_fits_of_tasks),
    TEST(inner_tasks_keep_to_the_budget),
};

MAIN(table)
