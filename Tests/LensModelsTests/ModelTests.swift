import Testing

/// All model tests run one after another: some choose the threads of the whole process, some count its allocations.
@Suite(.serialized) struct ModelTests {}
