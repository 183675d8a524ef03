// pingpong COUNT BYTES
// The floor for events of the classic protocol: two processes and two pipes, BYTES there and an answer of two writes
// back, as a listener gives it. Prints: rounds per second, CPU of the asking process per round in microseconds.
#include "common.h"
#include <sys/resource.h>
int main(int argc, char **argv) {
  if (argc < 3) return 2;
  long n = atol(argv[1]), size = atol(argv[2]);
  static char buf[1 << 16];
  int there[2], back[2];
  if (size > (long)sizeof buf || pipe(there) || pipe(back)) return 3;
  if (!fork()) {
    close(there[1]); close(back[0]);
    for (long have = 0;;) {
      ssize_t r = read(there[0], buf, sizeof buf);
      if (r <= 0) _exit(0);
      for (have += r; have >= size; have -= size)
        if (write_all(back[1], "RESULT 2\nOK", 11) || write_all(back[1], "READY\n", 6)) _exit(0);
    }
  }
  close(there[0]); close(back[1]);
  memset(buf, 'x', sizeof buf);
  int64_t t = now_ns();
  for (long i = 0; i < n; i++) {
    if (write_all(there[1], buf, size)) return 4;
    for (long got = 0; got < 17;) {
      char in[64];
      ssize_t r = read(back[0], in, sizeof in);
      if (r <= 0) return 5;
      got += r;
    }
  }
  t = now_ns() - t;
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  double cpu = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
  printf("%f %f\n", n / (t / 1e9), cpu / n);
}
