#include "CLensReference.h"

void reference_gemm(size_t M, size_t N, size_t K, bool transpose_a, bool transpose_b, bool accumulate, const double *A,
                    size_t lda, const double *B, size_t ldb, double *C, size_t ldc) {
    for (size_t i = 0; i < M; i++) {
        for (size_t j = 0; j < N; j++) {
            double sum = accumulate ? C[i * ldc + j] : 0;
            for (size_t p = 0; p < K; p++)
                sum +=
                    (transpose_a ? A[p * lda + i] : A[i * lda + p]) * (transpose_b ? B[j * ldb + p] : B[p * ldb + j]);
            C[i * ldc + j] = sum;
        }
    }
}
