import CLongLens

/// The threads that all kernels use.
public enum Threads {
    /// How many threads kernels use: at first ``coreCount``. Not to be set while kernels run.
    public static var count: Int {
        get { lens_thread_count() }
        set {
            precondition(newValue >= 1)
            lens_set_thread_count(newValue)
        }
    }

    /// Physical cores this process may use: affinity, simultaneous threads folded, CPU quota of its control group.
    public static var coreCount: Int { lens_core_count() }

    /// Bytes of scratch memory that kernels hold, all threads together.
    public static var scratchByteCount: Int { lens_scratch_bytes() }
}
