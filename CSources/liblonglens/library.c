// What needs nothing but the header: names, initial values, memory. The rest is in Sources/LongLensC.
#include "longlens.h"
#include <stdlib.h>
#include <string.h>

const char *longlens_version(void) { return LONGLENS_VERSION; }

int32_t longlens_version_number(void) { return LONGLENS_VERSION_NUMBER; }

const char *longlens_status_name(longlens_status status) {
    static const char *const names[] = {"ok", "invalid", "data",      "missing", "machine",
                                        "io", "closed",  "cancelled", "busy",    "internal"};
    size_t number = (size_t)status;
    return number < sizeof names / sizeof *names ? names[number] : "unknown";
}

void longlens_free(void *memory) { free(memory); }

void longlens_open_options_init(longlens_open_options *options) {
    if (options != NULL) *options = (longlens_open_options){.size = sizeof *options};
}

void longlens_text_options_init(longlens_text_options *options) {
    if (options != NULL) *options = (longlens_text_options){.size = sizeof *options};
}

void longlens_score_options_init(longlens_score_options *options) {
    if (options != NULL) *options = (longlens_score_options){.size = sizeof *options};
}

void longlens_weight_options_init(longlens_weight_options *options) {
    if (options != NULL) *options = (longlens_weight_options){.size = sizeof *options};
}

// One block holds the structure and its arrays.
void longlens_scores_free(longlens_scores *scores) { free(scores); }
