/* Reads by three descriptors, two of which share an offset: which two is a choice, too. What comes is known. */
#include <fcntl.h>
#include <pagestore.h>

enum { kSteps = 4, kBytes = 64 };

int main(int argc, char** argv) {
  unsigned char bytes[kBytes];
  int descriptors[3], offsets[2] = {0, 0}, file_of[3] = {0, 1, 0}, step = 0;
  (void)argc;
  for (int i = 0; i < kBytes; i++) bytes[i] = (unsigned char)i;
  const int written = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (write(written, bytes, kBytes) != kBytes) return 2;
  close(written);
  descriptors[0] = open(argv[1], O_RDONLY);
  descriptors[1] = open(argv[1], O_RDONLY);
  descriptors[2] = dup(descriptors[0]);
  ps_state(offsets, sizeof offsets);
  ps_state(file_of, sizeof file_of);
  ps_state(&step, sizeof step);
  for (; step < kSteps; step++) {
    const int act = ps_choose(5);
    if (act < 3) {
      unsigned char got = 0xff;
      if (read(descriptors[act], &got, 1) != 1) return 3;
      ps_assert(got == offsets[file_of[act]], "it reads what comes next in its file");
      offsets[file_of[act]]++;
    } else {
      close(descriptors[2]);
      descriptors[2] = dup(descriptors[act - 3]);
      file_of[2] = act - 3;
    }
  }
  return 0;
}
