/* Stands in for the C library's header while the bindings are generated: the kernel's own layout,
   struct __kernel_v4l2_timeval of <linux/videodev2.h> and struct __kernel_timespec of <linux/time_types.h>,
   which is the same on every architecture that lib.rs admits, whatever time_t a C library there has. */
typedef long long time_t;
struct timeval {
	time_t tv_sec;
	time_t tv_usec;
};
struct timespec {
	time_t tv_sec;
	time_t tv_nsec;
};
