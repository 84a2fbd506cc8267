/* A softmax classifier in C, judged by gradcheck through the protocol of docs/protocol.md: raw arrays.
 *
 *     cc -O2 -o my-softmax softmax.c -lm
 *     gradcheck verify --exec ./my-softmax --dtype float64 --dtype float32
 *
 * What it prints stands in examples/README.md. Columns of X are samples: theta (L, d), b (L, 1), X (d, n), Y and Z (L, n).
 * Everything is computed in double, and rounded once where the arrays are float32. Written for little-endian machines.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char name[16], dtype[16];
    size_t rows, columns;
    double *at;
} Matrix;

/* ---- the model ---- */

/* Z = theta X + b */
static void logits(const Matrix *theta, const Matrix *b, const Matrix *X, double *Z)
{
    size_t L = theta->rows, d = theta->columns, n = X->columns;
    for (size_t l = 0; l < L; l++)
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t j = 0; j < d; j++)
                sum += theta->at[l * d + j] * X->at[j * n + i];
            Z[l * n + i] = sum + b->at[l];
        }
}

/* The largest entry of column i of Z (L, n), and the sum of exp(Z - largest) over the column: exp cannot overflow. */
static double shifted_sum(const double *Z, size_t L, size_t n, size_t i, double *top)
{
    double sum = 0;
    *top = Z[i];
    for (size_t l = 1; l < L; l++)
        *top = fmax(*top, Z[l * n + i]);
    for (size_t l = 0; l < L; l++)
        sum += exp(Z[l * n + i] - *top);
    return sum;
}

static void softmax(const double *Z, size_t L, size_t n, double *A)
{
    for (size_t i = 0; i < n; i++) {
        double top, sum = shifted_sum(Z, L, n, i, &top);
        for (size_t l = 0; l < L; l++)
            A[l * n + i] = exp(Z[l * n + i] - top) / sum;
    }
}

/* The mean over the samples of -sum_l Y log A; a class without label mass adds nothing, however small its probability. */
static double loss(const double *Z, const Matrix *Y)
{
    size_t L = Y->rows, n = Y->columns;
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        double top, log_sum = log(shifted_sum(Z, L, n, i, &top));
        for (size_t l = 0; l < L; l++)
            if (Y->at[l * n + i] > 0)
                total -= Y->at[l * n + i] * (Z[l * n + i] - top - log_sum);
    }
    return total / n;
}

/* With respect to Z: (A - Y)/n; to theta: that times X transposed; to b: its row sums. */
static void gradients(const double *Z, const Matrix *X, const Matrix *Y, double *to_theta, double *to_b, double *to_Z)
{
    size_t L = Y->rows, n = Y->columns, d = X->rows;
    softmax(Z, L, n, to_Z);
    for (size_t i = 0; i < n; i++) {
        double mass = 0; /* 1, unless a sample has a weight of its own */
        for (size_t l = 0; l < L; l++)
            mass += Y->at[l * n + i];
        for (size_t l = 0; l < L; l++)
            to_Z[l * n + i] = (mass * to_Z[l * n + i] - Y->at[l * n + i]) / n;
    }
    for (size_t l = 0; l < L; l++) {
        to_b[l] = 0;
        for (size_t i = 0; i < n; i++)
            to_b[l] += to_Z[l * n + i];
        for (size_t j = 0; j < d; j++) {
            to_theta[l * d + j] = 0;
            for (size_t i = 0; i < n; i++)
                to_theta[l * d + j] += to_Z[l * n + i] * X->at[j * n + i];
        }
    }
}

/* ---- the protocol ---- */

static void stop(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values); /* gradcheck shows the last line */
    fputc('\n', stderr);
    exit(1);
}

static double *numbers(size_t count)
{
    double *at = malloc((count ? count : 1) * sizeof *at);
    if (!at)
        stop("no memory for %zu numbers", count);
    return at;
}

static void read_numbers(Matrix *m)
{
    size_t count = m->rows * m->columns, got;
    m->at = numbers(count);
    if (strcmp(m->dtype, "float64") == 0)
        got = fread(m->at, sizeof *m->at, count, stdin);
    else {
        float single;
        for (got = 0; got < count && fread(&single, sizeof single, 1, stdin) == 1; got++)
            m->at[got] = single;
    }
    if (got != count)
        stop("%s ends early", m->name);
}

static void write_numbers(const double *at, size_t count, const char *dtype)
{
    if (strcmp(dtype, "float64") == 0)
        fwrite(at, sizeof *at, count, stdout);
    else
        for (size_t k = 0; k < count; k++) {
            float single = (float)at[k];
            fwrite(&single, sizeof single, 1, stdout);
        }
}

/* ["theta", "float64", 2, 3], ["b", ...]: fills in up to `most` arrays, and returns how many there are. */
static int read_arrays(const char *line, Matrix *arrays, int most)
{
    const char *entry = strstr(line, "\"arrays\": [");
    int count = 0;
    if (!entry)
        stop("no arrays in %s", line);
    for (entry = strchr(entry, '[') + 1; (entry = strchr(entry, '[')) && count < most; entry++, count++) {
        Matrix *m = &arrays[count];
        if (sscanf(entry, "[\"%15[a-zA-Z]\", \"%15[a-z0-9]\", %zu, %zu]", m->name, m->dtype, &m->rows, &m->columns) != 4)
            stop("cannot read %s", entry);
    }
    for (int k = 0; k < count; k++)
        read_numbers(&arrays[k]);
    return count;
}

int main(void)
{
    char line[1024], call[32]; /* a header of ours is far shorter: its arrays are not in it */
    while (fgets(line, sizeof line, stdin)) {
        Matrix a[4];
        if (sscanf(line, "{\"gradcheck_protocol\": 1, \"call\": \"%31[a-z_]\"", call) != 1)
            stop("not version 1 of the protocol: %s", line);
        int count = read_arrays(line, a, 4);
        const char *dtype = count ? a[0].dtype : "";

        if (strcmp(call, "describe") == 0)
            printf("{\"gradcheck_protocol\": 1, \"name\": \"softmax.c\", \"dtypes\": [\"float64\", \"float32\"], "
                   "\"functions\": [\"gradients\", \"loss\", \"logits\", \"softmax\"]}\n");
        else if (strcmp(call, "softmax") == 0 && count == 1) {
            size_t size = a[0].rows * a[0].columns;
            double *A = numbers(size);
            softmax(a[0].at, a[0].rows, a[0].columns, A);
            printf("{\"arrays\": [[\"A\", \"%s\", %zu, %zu]]}\n", dtype, a[0].rows, a[0].columns);
            write_numbers(A, size, dtype);
            free(A);
        } else if (count >= 3) {
            size_t L = a[0].rows, d = a[0].columns, n = a[2].columns;
            double *Z = numbers(L * n);
            logits(&a[0], &a[1], &a[2], Z);
            if (strcmp(call, "logits") == 0) {
                printf("{\"arrays\": [[\"Z\", \"%s\", %zu, %zu]]}\n", dtype, L, n);
                write_numbers(Z, L * n, dtype);
            } else if (strcmp(call, "loss") == 0) {
                double value = loss(Z, &a[3]);
                printf("{\"arrays\": [[\"loss\", \"%s\"]]}\n", dtype);
                write_numbers(&value, 1, dtype);
            } else if (strcmp(call, "gradients") == 0) {
                double *to_theta = numbers(L * d), *to_b = numbers(L), *to_Z = numbers(L * n);
                gradients(Z, &a[2], &a[3], to_theta, to_b, to_Z);
                printf("{\"arrays\": [[\"theta\", \"%s\", %zu, %zu], [\"b\", \"%s\", %zu, 1], "
                       "[\"Z\", \"%s\", %zu, %zu]]}\n", dtype, L, d, dtype, L, dtype, L, n);
                write_numbers(to_theta, L * d, dtype);
                write_numbers(to_b, L, dtype);
                write_numbers(to_Z, L * n, dtype);
                free(to_theta), free(to_b), free(to_Z);
            } else
                stop("no function %s", call);
            free(Z);
        } else
            printf("{\"error\": \"has no function %s\"}\n", call);
        fflush(stdout);
        for (int k = 0; k < count; k++)
            free(a[k].at);
    }
    return 0;
}
