/* The C interface: a device with its memory of what is fastest, plans, convolutions. For C programs and bindings of
 * other languages. Every function that can fail returns a status; fftconv_last_error() has the sentence. */
#ifndef FFTCONV_C_API_H_
#define FFTCONV_C_API_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fftconv_context fftconv_context;
typedef struct fftconv_plan fftconv_plan;

/* Values as fftconv::ErrorCode, one later; never renumbered. */
typedef enum fftconv_status {
  FFTCONV_OK = 0,
  FFTCONV_INVALID_ARGUMENT,
  FFTCONV_UNSUPPORTED,
  FFTCONV_NOT_FOUND,
  FFTCONV_IO,
  FFTCONV_DAMAGED,
  FFTCONV_DEPENDENCY_MISSING,
  FFTCONV_DEVICE_MISSING,
  FFTCONV_COMPILE_FAILED,
  FFTCONV_LAUNCH_FAILED,
  FFTCONV_OUT_OF_MEMORY,
  FFTCONV_TIMEOUT,
  FFTCONV_WRONG_RESULT,
  FFTCONV_BUSY,
  FFTCONV_INTERNAL,
  FFTCONV_CRASHED
} fftconv_status;

/* How far the background is with a plan. Values as fftconv::AsyncProgress; never renumbered. */
typedef enum fftconv_progress {
  FFTCONV_WORKING = 0, /* the better kernel is being made; the plan uses the first one */
  FFTCONV_SETTLED,     /* the plan is the one that fftconv_make_plan() gives */
  FFTCONV_FAILED,      /* the better kernel could not be made; the first one stays */
  FFTCONV_CANCELLED    /* by fftconv_cancel(), or the context was closed; the first one stays */
} fftconv_progress;

/* Addresses for one call, shapes as in fftconv::ConvolutionBuffers; what a problem does not use is null. */
typedef struct fftconv_buffers {
  const void* u;        /* (B, H, L), io type */
  void* y;              /* (B, H, L), io type; may not overlap u */
  const void* pregate;  /* like u */
  const void* postgate; /* like y */
  const void* skip;     /* fp32 (H) */
  /* Direction backward_filter reads u and dy and writes dk; it has no y and needs no fftconv_set_filter(). */
  const void* dy; /* (B, H, L), io type */
  void* dk;       /* (filters, Lk), float, or double where the precision is f64 */
  /* Problems with carry: (B, H, Lk - 1) like the taps, read (null: zeros, a stream begins) and written; may be one
   * buffer. */
  const void* carry_in;
  void* carry_out;
} fftconv_buffers;

/* What was wrong in this thread's last call that failed and what to do, one sentence; "" before the first. */
const char* fftconv_last_error(void);

/* Opens "cuda", "cpu" or "sim"; null: the best device present. Databases in their default folder. */
fftconv_status fftconv_open(const char* device, fftconv_context** context);

/* Where the CPU device gets its threads; everything may be 0 or null. The two functions go together and are called as
 * fftconv::Executor says (executor.h), from any thread, until the context and its plans are gone: `executor_threads`
 * gives how many threads a run from the calling thread has, 1 where that is at work for the pool already;
 * `executor_run` calls task(task_context, i) once for each i from 0 to count - 1, on these threads, and returns when
 * all calls have. */
typedef struct fftconv_cpu_options {
  int threads; /* 0: FFTCONV_THREADS, else as many as the executor or the processor has */
  int (*executor_threads)(void* executor);
  void (*executor_run)(void* executor, void (*task)(void* task_context, int index), void* task_context, int count);
  void* executor; /* handed to both */
} fftconv_cpu_options;

/* Opens "cpu" with these threads. */
fftconv_status fftconv_open_cpu(const fftconv_cpu_options* options, fftconv_context** context);

/* A device, the folder of its databases, and where plans with a rigor that measures try candidates. Set `size`; what
 * else is 0 or null is the default, so that a program goes on working with a library that has more fields. */
typedef struct fftconv_context_options {
  size_t size;                    /* sizeof(fftconv_context_options) */
  const char* device;             /* as in fftconv_open() */
  const fftconv_cpu_options* cpu; /* not null: the CPU device with these threads; `device` is null or "cpu" then */
  const char* cache_directory;    /* null: FFTCONV_CACHE_DIR, else ~/.cache/fftconv; "": databases in memory */
  /* null: candidates run in this process, where one that crashes or hangs takes the application with it. Else the
   * program fftconv-worker, in whose processes candidates are compiled and run: its path, or "find" for
   * FFTCONV_WORKER, else beside the running program, else where the library was installed. The kernel that a plan
   * has chosen always runs in this process. */
  const char* worker;
  /* Of the workers, else without meaning; what goes beyond is ended and charged to its candidate. */
  double compile_limit_s;     /* wall clock of one compilation; 0: 120 */
  double run_limit_s;         /* of loading, of checking against fp64, of timing once; 0: 60 */
  int64_t memory_limit_bytes; /* private writable memory; 0: three quarters of the machine's */
} fftconv_context_options;

/* Opens a context with these options. Errors: FFTCONV_INVALID_ARGUMENT for a size that is 0, a field that this
 * library does not know and is not 0, or a limit below 0; FFTCONV_NOT_FOUND where there is no such worker program.
 * One that does not start is an error of the plan that would measure. */
fftconv_status fftconv_open_with(const fftconv_context_options* options, fftconv_context** context);
void fftconv_close(fftconv_context* context);

/* A plan for a problem in its canonical text, such as "causal/L4096/k4096/b2/h3/io-f32/f32/forward".
 * `rigor`: null or "estimate", "measure", "patient", "exhaustive", "cached_only"; `budget_s` bounds the middle two.
 * The plan may outlive the context. */
fftconv_status fftconv_make_plan(fftconv_context* context, const char* problem, const char* rigor, double budget_s,
                                 fftconv_plan** plan);
/* The same without the wait: the plan has the kernel that is there soonest, usually the plain default, and computes
 * with it at once; a thread of the context makes what `rigor` and `budget_s` ask for, and the plan goes over to that
 * by itself, with the filter that it was given. Errors: those of the first kernel; the better one's are
 * fftconv_wait()'s. A rigor that measures times candidates on the device beside what the application runs there. */
fftconv_status fftconv_make_plan_async(fftconv_context* context, const char* problem, const char* rigor,
                                       double budget_s, fftconv_plan** plan);
/* Says how far the background is, and while it works waits for it: `seconds` at most, 0 only asks, INFINITY waits for
 * the end. Not needed for anything else here. A plan of fftconv_make_plan() is settled. With FFTCONV_FAILED the
 * status and fftconv_last_error() say why; that is no obstacle to convolutions. */
fftconv_status fftconv_wait(const fftconv_plan* plan, double seconds, fftconv_progress* progress);
/* Asks for the background work on this plan to end; a compilation that runs is let finish, its result is dropped. */
void fftconv_cancel(fftconv_plan* plan);
/* Frees a plan of either kind. Work in the background goes on for others that ask for the problem. */
void fftconv_free_plan(fftconv_plan* plan);
/* What was chosen and why, for people; lives as long as the plan. Of an asynchronous plan: the kernel that it uses
 * now. */
const char* fftconv_explain(const fftconv_plan* plan);

/* Computes and keeps the spectrum of a filter: (filters, Lk) float, or double where the precision is f64, in host
 * memory. Not while a convolution of this plan is running. The taps may go when it returns, also where the better
 * kernel is yet to come. */
fftconv_status fftconv_set_filter(fftconv_plan* plan, const void* taps);

/* y = conv(u, k) on device memory; `stream` is a CUstream on cuda, else ignored. From any number of threads. */
fftconv_status fftconv_execute(const fftconv_plan* plan, const fftconv_buffers* buffers, void* stream);
/* The same on host memory, through copies; synchronous. */
fftconv_status fftconv_execute_host(const fftconv_plan* plan, const fftconv_buffers* buffers);

#ifdef __cplusplus
}
#endif

#endif /* FFTCONV_C_API_H_ */
