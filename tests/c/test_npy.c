/* npy files, good ones and broken ones. */
#include "check.h"

#include <unistd.h>

static const char *path;

/* A file of this header text and so many bytes 0, 1, 2, ... */
static void make(const char *text, size_t bytes)
{
    static char name[64];
    FILE *file;
    size_t i, length = (strlen(text) + 1 + 10 + 63) / 64 * 64 - 10;
    snprintf(name, sizeof name, "/tmp/gocluster-test-%ld.npy", (long)getpid());
    path = name;
    file = fopen(path, "wb");
    CHECK(file != NULL);
    fwrite("\x93NUMPY\x01\x00", 1, 8, file);
    fputc((int)(length & 255), file);
    fputc((int)(length >> 8), file);
    fprintf(file, "%-*s\n", (int)length - 1, text);
    for (i = 0; i < bytes; i++)
        fputc((int)(i & 255), file);
    CHECK(fclose(file) == 0);
}

#define HEADER(descr, order, shape) "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }"

static void matrices_and_vectors(void)
{
    static const struct { const char *text; int32_t dtype, ndim; int64_t rows, columns, item; } cases[] = {
        {HEADER("<f8", "False", "(5, 3)"), GOCLUSTER_F64, 2, 5, 3, 8},
        {HEADER("<f4", "False", "(5, 3)"), GOCLUSTER_F32, 2, 5, 3, 4},
        {HEADER("<i4", "False", "(7,)"), GOCLUSTER_I32, 1, 7, 1, 4},
        {HEADER("<i8", "False", "(7,)"), GOCLUSTER_I64, 1, 7, 1, 8},
    };
    size_t i;
    for (i = 0; i < 4; i++) {
        size_t row = (size_t)(cases[i].columns * cases[i].item), size = row * (size_t)cases[i].rows, k;
        unsigned char *data = (unsigned char *)guarded(2 * row, 0);
        gocluster_array a;
        make(cases[i].text, size);
        EXPECT_OK(gocluster_npy_info(path, &a, &last_error));
        CHECK(a.dtype == cases[i].dtype && a.ndim == cases[i].ndim && a.data == NULL);
        CHECK(a.shape[0] == cases[i].rows && a.strides[0] == (int64_t)row);
        CHECK(a.ndim == 1 || (a.shape[1] == cases[i].columns && a.strides[1] == cases[i].item));
        a.data = data;
        a.shape[0] = 2;
        EXPECT_OK(gocluster_npy_read(path, 3, &a, &last_error)); /* rows 3 and 4 */
        for (k = 0; k < 2 * row; k++)
            CHECK(data[k] == ((3 * row + k) & 255));
        EXPECT_OK(gocluster_npy_read(path, cases[i].rows - 2, &a, &last_error));
        REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_npy_read(path, cases[i].rows - 1, &a, &last_error));
        REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_npy_read(path, -1, &a, &last_error));
        REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_npy_read(path, INT64_MAX, &a, &last_error));
        a.shape[0] = 0;
        a.data = NULL;
        EXPECT_OK(gocluster_npy_read(path, cases[i].rows, &a, &last_error));
    }
    unlink(path);
}

static void outputs_that_do_not_fit(void)
{
    static double room[64];
    gocluster_array a = gocluster_matrix(room, GOCLUSTER_F64, 5, 3);
    make(HEADER("<f8", "False", "(5, 3)"), 120);
    EXPECT_OK(gocluster_npy_read(path, 0, &a, &last_error));
    a.shape[1] = 2;
    EXPECT(GOCLUSTER_ERROR_STRIDES, gocluster_npy_read(path, 0, &a, &last_error));
    a = gocluster_matrix(room, GOCLUSTER_F64, 5, 2);
    REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_npy_read(path, 0, &a, &last_error));
    a = gocluster_matrix(room, GOCLUSTER_I64, 5, 3);
    REFUSED(GOCLUSTER_ERROR_DTYPE, "out", gocluster_npy_read(path, 0, &a, &last_error));
    a = gocluster_vector(room, GOCLUSTER_F64, 15);
    REFUSED(GOCLUSTER_ERROR_SHAPE, "out", gocluster_npy_read(path, 0, &a, &last_error));
    a = gocluster_matrix(guarded(120, 1), GOCLUSTER_F64, 5, 3);
    forbid_writing(a.data, 120);
    REFUSED(GOCLUSTER_ERROR_ADDRESS, "out", gocluster_npy_read(path, 0, &a, &last_error));
    unlink(path);
}

static void files_that_are_something_else(void)
{
    static const struct { const char *text; size_t bytes; } cases[] = {
        {HEADER(">f8", "False", "(5, 3)"), 120},            /* foreign byte order */
        {HEADER("<f8", "True", "(5, 3)"), 120},             /* columns first */
        {HEADER("<f8", "False", "(5, 3)"), 119},            /* truncated */
        {HEADER("<f8", "False", "(5, 3)"), 0},
        {HEADER("<f8", "False", "(5, 3, 1)"), 120},
        {HEADER("<f8", "False", "()"), 120},
        {HEADER("<f8", "False", "(-5, 3)"), 120},
        {HEADER("<f8", "False", "(2305843009213693952, 8)"), 120}, /* 2^67 bytes */
        {HEADER("|O", "False", "(5, 3)"), 120},
        {HEADER("<c16", "False", "(5, 3)"), 240},
        {"", 120},
        {"{}", 120},
        {"{'descr': '<f8', 'fortran_order': False}", 120},
        {"((((((((((((((((((", 120},
    };
    gocluster_array a;
    size_t i;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        make(cases[i].text, cases[i].bytes);
        REFUSED(GOCLUSTER_ERROR_IO, "path", gocluster_npy_info(path, &a, &last_error));
    }
    CHECK(truncate(path, 9) == 0);
    REFUSED(GOCLUSTER_ERROR_IO, "path", gocluster_npy_info(path, &a, &last_error));
    CHECK(truncate(path, 0) == 0);
    REFUSED(GOCLUSTER_ERROR_IO, "path", gocluster_npy_info(path, &a, &last_error));
    unlink(path);
    REFUSED(GOCLUSTER_ERROR_IO, "path", gocluster_npy_info(path, &a, &last_error));
    REFUSED(GOCLUSTER_ERROR_IO, "path", gocluster_npy_info("/", &a, &last_error));
    REFUSED(GOCLUSTER_ERROR_IO, "path", gocluster_npy_info("", &a, &last_error));
    REFUSED(GOCLUSTER_ERROR_IO, "path", gocluster_npy_info("/dev/zero", &a, &last_error));
}

static void paths_without_an_end(void)
{
    gocluster_array a;
    char *text = (char *)guarded(4096 - 8, 1), *longer = (char *)malloc(100000);
    memset(text, 'a', 4096 - 8);
    REFUSED(GOCLUSTER_ERROR_ADDRESS, "path", gocluster_npy_info(text, &a, &last_error));
    memset(longer, 'a', 100000);
    REFUSED(GOCLUSTER_ERROR_ARGUMENT, "path", gocluster_npy_info(longer, &a, &last_error));
}

static const test tests[] = {
    TEST(matrices_and_vectors),
    TEST(outputs_that_do_not_fit),
    TEST(files_that_are_something_else),
    TEST(paths_without_an_end),
};

MAIN(tests)
