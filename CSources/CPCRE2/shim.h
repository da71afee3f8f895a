// PCRE2's names are macros that depend on the code unit width, which Swift cannot see through;
// the 8-bit functions are imported by their suffixed names.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
