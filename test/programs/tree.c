/* A tree of choices on the way of which memory is allocated and freed, stdio buffers fill, and floating point
 * numbers are computed. */
#include <math.h>

#include "pagestore.h"

struct node {
  struct node* up;
  int way;
  double weight;
};

static double total;

static void walk(struct node* up, int depth) {
  if (depth == 0) {
    char path[64], *end = path;
    for (const struct node* each = up; each != NULL; each = each->up) *end++ = (char)('0' + each->way);
    *end = '\0';
    printf("%s %.12g", path, total);
    return;
  }
  struct node* node = malloc(sizeof *node + (size_t)(depth * 100));
  node->up = up;
  node->way = ps_choose(depth % 2 ? 3 : 2);
  node->weight = sqrt(2.0 + node->way) / depth;
  total = total * 1.25 + node->weight;
  walk(node, depth - 1);
  printf(" -%d", node->way);
  free(node);
}

int main(int argc, char** argv) {
  const int depth = argc > 1 ? atoi(argv[1]) : 4;
  printf("depth %d: ", depth);
  walk(NULL, depth);
  printf("\n");
  return (int)(total * 10) % 100;
}
