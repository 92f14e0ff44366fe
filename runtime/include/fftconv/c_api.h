/* The C interface: a device with its memory of what is fastest, plans, convolutions. For C programs and bindings of
 * other languages. Every function that can fail returns a status; fftconv_last_error() has the sentence. */
#ifndef FFTCONV_C_API_H_
#define FFTCONV_C_API_H_

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

/* Addresses for one call, shapes as in fftconv::ConvolutionBuffers; what a problem does not use is null. */
typedef struct fftconv_buffers {
  const void* u;        /* (B, H, L), io type */
  void* y;              /* (B, H, L), io type; may not overlap u */
  const void* pregate;  /* like u */
  const void* postgate; /* like y */
  const void* skip;     /* fp32 (H) */
} fftconv_buffers;

/* What was wrong in this thread's last call that failed and what to do, one sentence; "" before the first. */
const char* fftconv_last_error(void);

/* Opens "cuda", "cpu" or "sim"; null: the best device present. Databases in their default folder. */
fftconv_status fftconv_open(const char* device, fftconv_context** context);
void fftconv_close(fftconv_context* context);

/* A plan for a problem in its canonical text, such as "causal/L4096/k4096/b2/h3/io-f32/f32/forward".
 * `rigor`: null or "estimate", "measure", "patient", "exhaustive", "cached_only"; `budget_s` bounds the middle two.
 * The plan may outlive the context. */
fftconv_status fftconv_make_plan(fftconv_context* context, const char* problem, const char* rigor, double budget_s,
                                 fftconv_plan** plan);
void fftconv_free_plan(fftconv_plan* plan);
/* What was chosen and why, for people; lives as long as the plan. */
const char* fftconv_explain(const fftconv_plan* plan);

/* Computes and keeps the spectrum of a filter: (filters, Lk) fp32, in host memory. Not while a convolution of this
 * plan is running. */
fftconv_status fftconv_set_filter(fftconv_plan* plan, const float* taps);

/* y = conv(u, k) on device memory; `stream` is a CUstream on cuda, else ignored. From any number of threads. */
fftconv_status fftconv_execute(const fftconv_plan* plan, const fftconv_buffers* buffers, void* stream);
/* The same on host memory, through copies; synchronous. */
fftconv_status fftconv_execute_host(const fftconv_plan* plan, const fftconv_buffers* buffers);

#ifdef __cplusplus
}
#endif

#endif /* FFTCONV_C_API_H_ */
