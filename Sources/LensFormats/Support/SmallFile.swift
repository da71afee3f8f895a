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
