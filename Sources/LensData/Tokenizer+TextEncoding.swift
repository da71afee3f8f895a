import LensSupport
import LensTokenizers

/// Documents are plain text: one that spells a control token does not become it.
extension Tokenizer: TextEncoding {
    public func encode(_ text: [UInt8], addBOS: Bool?) throws(LensError) -> [Int32] {
        try encode(text, addBOS: addBOS, parseSpecial: false)
    }
}
