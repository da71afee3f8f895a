// How a call went.
#ifndef LENS_STATUS_H
#define LENS_STATUS_H

typedef enum lens_status {
    LENS_OK = 0,
    LENS_NO_MEMORY = 1,   // the machine has no memory for it
    LENS_UNSUPPORTED = 2, // the machine does not run the instruction set
    LENS_INVALID = 3      // an argument that has no meaning
} lens_status;

#endif
