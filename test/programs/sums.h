#include "pagestore.h"

#ifdef __cplusplus
extern "C"
#endif
    int
    add_some(void);
