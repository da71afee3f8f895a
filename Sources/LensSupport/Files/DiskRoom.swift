/// The room on a disk, compared before the work with what the work will write.
package enum DiskRoom {
    /// Throws `.io` when the file system that holds `path`, or will hold it, has less room than `byteCount`; nothing when
    /// that cannot be told, and for a pipe or a device, which take none.
    ///
    /// - Parameters:
    ///   - byteCount: bytes that will be there at once beside what is there already: what is replaced goes last.
    ///   - path: a file or folder; neither it nor the folders above it need be there yet.
    ///   - what: what is written, after "takes": "the model as q8_0".
    ///   - advice: what to do beside making room: "choose another disk".
    package static func require(
        _ byteCount: Int, at path: String, for what: String, advice: String
    ) throws(LensError) {
        guard let folder = folder(of: path), let free = Folders.freeByteCount(at: folder) else { return }
        try require(byteCount, free: free, at: path, for: what, advice: advice)
    }

    /// The same of a disk with `free` bytes.
    package static func require(
        _ byteCount: Int, free: Int, at path: String, for what: String, advice: String
    ) throws(LensError) {
        guard free < byteCount else { return }
        throw .io(
            "The disk of \(path) has \(describeByteCount(free)) free, and \(describeByteCount(byteCount)) are needed: "
                + "\(what). Make room, or \(advice).")
    }

    /// The nearest folder that is there already; nil for what takes no room.
    private static func folder(of path: String) -> String? {
        var place = (try? Folders.followingLinks(path)) ?? path
        switch FileStatus(place)?.kind {
        case .folder: return place
        case .stream, .other: return nil
        case .regular, .link, nil: break
        }
        while true {
            let parent = place.trimmingSlashes.parentFolder
            if Folders.isFolder(parent) { return parent }
            guard parent != place else { return nil }
            place = parent
        }
    }
}
