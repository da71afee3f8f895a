#include "lens/memory.h"
#include "runtime/memory.h"
#include "sizes.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// Of the thread alone: what others do at the same time changes no count.
static _Thread_local size_t allocations = 0;

enum { huge_page = 2 << 20 };

size_t lens_allocation_count(void) { return allocations; }

// Blocks of at least one huge page are mapped, so that their pages cost nothing until they are touched.
static bool is_mapped(size_t bytes) { return bytes >= huge_page; }

static size_t mapped_size(size_t bytes) { return round_up(bytes, huge_page); }

size_t lens_allocated_size(size_t bytes) { return is_mapped(bytes) ? mapped_size(bytes) : bytes; }

void *lens_allocate(size_t bytes) {
    allocations++;
    if (!is_mapped(bytes)) {
        size_t rounded = round_up(max(bytes, 1), 64);
        void *memory = aligned_alloc(64, rounded);
        if (memory != NULL) memset(memory, 0, rounded);
        return memory;
    }
    if (bytes > SIZE_MAX - 2 * (size_t)huge_page) return NULL;
    size_t size = mapped_size(bytes), reserved = size + huge_page;
    char *start = mmap(NULL, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
    // Give back what lies before and after the aligned part.
    size_t before = (huge_page - (uintptr_t)start % huge_page) % huge_page;
    if (before > 0) munmap(start, before);
    if (huge_page - before > 0) munmap(start + before + size, huge_page - before);
#ifdef MADV_HUGEPAGE
    madvise(start + before, size, MADV_HUGEPAGE);
#endif
    return start + before;
}

void lens_free(void *memory, size_t bytes) {
    if (memory == NULL) return;
    if (is_mapped(bytes)) {
        munmap(memory, mapped_size(bytes));
    } else {
        free(memory);
    }
}
