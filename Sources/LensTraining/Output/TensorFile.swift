import LensFormats
import LensKernels
import LensModels
import LensSupport

/// A parameter store as a safetensors file under Hugging Face's names, in fp32: what a checkpoint holds.
enum TensorFile {
    /// - Parameter observer: given the bytes of the file as they are written.
    static func write(
        _ store: ParameterStore, path: String, observer: any WriteObserver
    ) throws(LensError) {
        let tensors = store.descriptions.map {
            SafetensorsDescription(name: $0.name, dataType: .float32, shape: $0.shape)
        }
        let writer = try SafetensorsWriter(path: path, tensors: tensors, observer: observer)
        for tensor in writer.order {
            try unsafe writer.write(tensor.name, UnsafeRawBufferPointer(store[tensor.name].elements))
        }
        try writer.commit()
    }

    /// `.data` unless the file has exactly the store's tensors in their shapes.
    static func read(_ path: String, into store: ParameterStore) throws(LensError) {
        let file = try SafetensorsFile(path: path)
        for description in store.descriptions {
            let tensor = try file.tensor(description.name)
            guard tensor.shape == description.shape && tensor.dataType == .float32 else {
                throw .data(
                    "\(path): the tensor \(description.name) is \(tensor.dataType.rawValue) \(tensor.shape), "
                        + "and the model has F32 \(description.shape). It is another model's checkpoint."
                )
            }
            try unsafe file.read(description.name, into: store[description.name].elements)
        }
        guard file.tensors.count == store.descriptions.count else {
            throw .data(
                "\(path) has \(file.tensors.count) tensors, and the model has \(store.descriptions.count). It "
                    + "is another model's checkpoint."
            )
        }
    }
}
