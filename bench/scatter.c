/* Reads or writes 4 KiB at places all over a disk, past the cache, and says how many microseconds
 * it took: `scatter DISK read|write COUNT MIB`. The places are the same in each run. Put into a
 * guest by `volumes.py`, where there is no tool for it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BYTES 4096

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    int writes = strcmp(argv[2], "write") == 0;
    int disk = open(argv[1], (writes ? O_WRONLY : O_RDONLY) | O_DIRECT);
    void *piece;
    if (disk < 0 || posix_memalign(&piece, BYTES, BYTES))
        return 1;
    memset(piece, 0x5a, BYTES);
    uint64_t places = strtoull(argv[4], NULL, 10) << 20 >> 12, place = 88172645463325252ULL;
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (long left = atol(argv[3]); left > 0; left--) {
        /* xorshift64, G. Marsaglia 2003. */
        place ^= place << 13, place ^= place >> 7, place ^= place << 17;
        off_t at = (off_t)(place % places) * BYTES;
        if ((writes ? pwrite(disk, piece, BYTES, at) : pread(disk, piece, BYTES, at)) != BYTES)
            return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%lld\n", (ended.tv_sec - began.tv_sec) * 1000000LL + (ended.tv_nsec - began.tv_nsec) / 1000);
    return 0;
}
