/* A library for C: ours, or emx-onnx-cgen's where EMX is defined. Says its first answer, then the median of calls in nanoseconds:
 * FILE SECONDS. CRATE, HEADER, FOUND, ELEMENTS, ANSWERS, and WEIGHTS where they are a file, are macros that `benchmarks/host_programs.py` defines. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PASTE(a, b) a##b
#define NAME(a, b) PASTE(a, b)
enum { MOST = 1 << 20 };
static float x[ELEMENTS];
static double times[MOST];

#ifdef EMX
void model(int batch, const float *given, float *found);
static float found[ANSWERS];
static const float *predict(void) {
#ifdef WEIGHTS
    static _Bool loaded;
    _Bool model_load(const char *path);
    if (!loaded && !(loaded = model_load(WEIGHTS))) exit(3);
#endif
    model(1, x, found);
    return found;
}
#else
#include HEADER
static NAME(CRATE, _session) *session;
static const float *predict(void) {
    NAME(CRATE, _inputs) inputs = {x, ELEMENTS};
    NAME(CRATE, _outputs) outputs;
    if (!session) session = NAME(CRATE, _open)();
    if (NAME(CRATE, _predict)(session, &inputs, &outputs)) { fputs(NAME(CRATE, _error)(session), stderr); exit(3); }
    return outputs.FOUND;
}
#endif

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}
static int order(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

int main(int count, char **arguments) {
    FILE *file = fopen(arguments[1], "rb");
    if (count != 3 || !file || fread(x, sizeof x, 1, file) != 1) return 2;
    double seconds = 1e9 * atof(arguments[2]);
    const float *first = predict();
    for (int k = 0; k < ANSWERS; k++) printf("%s%.9g", k ? "," : "[", (double)first[k]);
    puts("]");
    fflush(stdout);
    double end = now() + seconds;
    int calls = 0;
    while (seconds > 0 && calls < MOST && (now() < end || calls < 5)) {
        double begin = now();
        predict();
        times[calls++] = now() - begin;
    }
    qsort(times, (size_t)calls, sizeof *times, order);
    printf("[%.0f]\n", times[calls / 2]);
    return 0;
}
