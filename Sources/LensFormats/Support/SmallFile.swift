import LensSupport

/// All bytes of a file that must not exceed `limit`.
func readSmallFile(_ path: String, limit: Int) throws(LensError) -> [UInt8] {
    let file = try InputFile(regular: path)
    let count = file.status?.byteCount ?? 0
    guard count <= limit else {
        throw .data("\(path) has \(count) bytes, more than the \(limit) that such a file may have.")
    }
    return try file.rest()
}

/// All bytes of a JSON file of at most `limit`, without a byte order mark; a file that is something else is named.
func readJSONFile(_ path: String, limit: Int) throws(LensError) -> [UInt8] {
    var bytes = try readSmallFile(path, limit: limit)
    if let error = ForeignFile.error(bytes, path: path) { throw error }
    bytes.removeByteOrderMark()
    return bytes
}
