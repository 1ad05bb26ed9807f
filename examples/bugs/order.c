/* A use after free that crashes only in a certain order: what was freed still works until its memory is used for
 * something else. -DFIXED mends it. */
#include "../../include/pagestore.h"

struct object {
  char name[40];
  int (*speak)(void);
};

static int quiet(void) {
  return 0;
}

static struct {
  struct object* object;
  char* note;
  int lives;
} world;

/* No ps_state: what lies in freed memory decides, so that all of the memory is the state. */
int main(void) {
  for (;;) {
    switch (ps_choose(4)) {
      case 0: /* make it */
        if (world.lives) break;
        world.object = malloc(sizeof *world.object);
        world.object->speak = quiet;
        world.lives = 1;
        break;
      case 1: /* end it */
        if (!world.lives) break;
        free(world.object);
        world.lives = 0;
#ifdef FIXED
        world.object = NULL;
#endif
        break;
      case 2: /* write a note, or throw it away */
        if (world.note != NULL) {
          free(world.note);
          world.note = NULL;
        } else {
          world.note = malloc(sizeof *world.object);
          memset(world.note, 'A', sizeof *world.object);
        }
        break;
      case 3: /* use it */
        if (world.object != NULL) world.object->speak();
        break;
    }
  }
}
