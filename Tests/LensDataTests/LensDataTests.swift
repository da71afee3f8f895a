import Foundation
import LensData
import LensSupport
import LensTestSupport

/// One token a byte, 256 is BOS.
struct ByteEncoding: TextEncoding {
    var vocabularySize = 257
    var bosToken: Int32? = 256
    var addsBOS = true

    var eosToken: Int32?
    var addsEOS = false

    func encode(_ text: [UInt8], addBOS: Bool?, addEOS: Bool?, parseSpecial: Bool) throws(LensError) -> [Int32] {
        (addBOS ?? addsBOS ? [256] : []) + text.map { parseSpecial && $0 == 0 ? 256 : Int32($0) }
            + (addEOS ?? addsEOS ? [eosToken ?? 0] : [])
    }

    /// The byte 0 spells BOS.
    func specialTexts(in text: [UInt8]) -> [Int32: Int] {
        let count = text.count { $0 == 0 }
        return count > 0 ? [256: count] : [:]
    }

    func bytes(of token: Int32) -> [UInt8]? { token == 256 ? Array("<bos>".utf8) : [UInt8(token)] }
}

func readAll(_ paths: [String]) throws -> [Document] {
    let reader = try DocumentReader(paths: paths)
    var documents: [Document] = []
    while let document = try reader.next() { documents.append(document) }
    return documents
}

/// The documents of one `.jsonl` file of this content.
func readLines(_ bytes: [UInt8]) throws -> [Document] {
    let folder = try TemporaryFolder()
    return try readAll([folder.write("d.jsonl", bytes)])
}

func readLines(_ text: String) throws -> [Document] { try readLines(Array(text.utf8)) }
