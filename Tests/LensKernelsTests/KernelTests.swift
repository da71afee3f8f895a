import Testing

/// All kernel tests run one after another: they choose the instruction set of the whole process.
@Suite(.serialized) struct KernelTests {}
