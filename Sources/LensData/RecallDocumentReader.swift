import LensSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension RecallDocument {
    /// The documents of a file that `generate` has written, one JSON object a line.
    ///
    /// `.missing` when there is no such file, `.data` names the line that is no such document.
    public static func read(path: String) throws(LensError) -> [RecallDocument] {
        let file = try MappedFile(path: path)
        let decoder = JSONDecoder()
        var documents: [RecallDocument] = []
        let lines = unsafe file.buffer.split(separator: UInt8(ascii: "\n"))
        for unsafe(index, line) in unsafe lines.enumerated() {
            guard let document = try? decoder.decode(RecallDocument.self, from: unsafe Data(line)) else {
                throw .data(
                    "\(path) line \(index + 1) is no recall document: an object with id, text and facts was expected, as longlens generate writes."
                )
            }
            documents.append(document)
        }
        guard !documents.isEmpty else { throw .data("\(path) holds no documents.") }
        return documents
    }
}
