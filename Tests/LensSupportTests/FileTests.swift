import LensSupport
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct FileTests {
    private func text(_ path: String) throws -> String {
        String(decoding: try InputFile(path: path).rest(), as: UTF8.self)
    }

    private func write(_ text: String, _ path: String) throws {
        let file = try AtomicFile(path: path)
        try file.write(text)
        try file.commit()
    }

    @Test func appearsWholeOrNotAtAll() throws {
        try withTemporaryFolder { folder throws in
            let path = folder + "/a"
            do {
                let file = try AtomicFile(path: path)
                try file.write("half")
                #expect(!Folders.entryExists(path))
            }
            #expect(try Folders.names(in: folder) == [])
            try write("first", path)
            do {
                let file = try AtomicFile(path: path)
                try file.write("half")
            }
            #expect(try text(path) == "first")
            try write("second", path)
            #expect(try text(path) == "second")
            #expect(try Folders.names(in: folder) == ["a"])
        }
    }

    @Test func keepsModeAndLinks() throws {
        try withTemporaryFolder { folder throws in
            try write("x", folder + "/real")
            _ = unsafe chmod(folder + "/real", 0o640)
            _ = unsafe symlink("real", folder + "/link")
            try write("y", folder + "/link")
            #expect(FileStatus(folder + "/link", followingLinks: false)?.kind == .link)
            #expect(try text(folder + "/real") == "y")
            var status = stat()
            _ = unsafe stat(folder + "/real", &status)
            #expect(status.st_mode & 0o777 == 0o640)
            _ = unsafe symlink("nowhere", folder + "/dangling")
            try write("z", folder + "/dangling")
            #expect(try text(folder + "/nowhere") == "z")
            _ = unsafe symlink("circle", folder + "/circle")
            #expect(throws: LensError.self) { try AtomicFile(path: folder + "/circle") }
        }
    }

    @Test func refusesFoldersAndPipesWithoutReader() throws {
        try withTemporaryFolder { folder throws in
            #expect(throws: LensError.self) { try AtomicFile(path: folder) }
            _ = unsafe mkfifo(folder + "/pipe", 0o600)
            #expect(throws: LensError.self) { try AtomicFile(path: folder + "/pipe") }
            #expect(throws: LensError.self) { try MappedFile(path: folder + "/pipe") }
            #expect(throws: LensError.self) { try AtomicFile(path: folder + "/none/a") }
            #expect(try Folders.names(in: folder) == ["pipe"])
        }
        try write("gone", "/dev/null")
        #expect(FileStatus("/dev/null")?.kind == .stream)
    }

    @Test func removesWhatKilledRunsLeft() throws {
        try withTemporaryFolder { folder throws in
            let left = ".longlens-0123456789abcdef.part"
            try write("half", "\(folder)/\(left)")
            try Folders.create("\(folder)/.longlens-fedcba9876543210.part/inner")
            try write("user's own", "\(folder)/.longlens-notes.part")
            let target = try AtomicFolder(path: folder + "/model")
            #expect(!Folders.entryExists("\(folder)/\(left)"))
            // Another writer in the same folder leaves this one's alone.
            let other = try AtomicFolder(path: folder + "/other")
            try write("new", target.temporaryPath + "/config.json")
            try target.commit()
            try other.commit()
            #expect(try Folders.names(in: folder) == [".longlens-notes.part", "model", "other"])
        }
    }

    @Test func replacesFolders() throws {
        try withTemporaryFolder { folder throws in
            let path = folder + "/model"
            for text in ["old", "new"] {
                let target = try AtomicFolder(path: path)
                try write(text, target.temporaryPath + "/weights")
                if text == "old" {
                    try write("mine", target.temporaryPath + "/notes")
                    try Folders.create(target.temporaryPath + "/images/deep")
                }
                try target.commit { $0 != "weights" }
            }
            #expect(try text(path + "/weights") == "new")
            #expect(try text(path + "/notes") == "mine")
            #expect(try Folders.names(in: path) == ["images", "notes", "weights"])
            #expect(try Folders.names(in: folder) == ["model"])
            // Killed between two renames, where a file system cannot exchange two folders.
            try Folders.rename(path, to: folder + "/.model.longlens-old")
            try AtomicFolder.recover(path)
            #expect(try Folders.names(in: folder) == ["model"])
        }
    }

    @Test func pathsKeepTheirBytes() throws {
        let names: [[UInt8]] = [
            Array("plain ü".utf8), [0xFF], [0x61, 0xFE, 0x62], [0xC3], [0xF4, 0x8F, 0xBF, 0xBF],
            [0xF4, 0x8F, 0xBE, 0x80],
            Array("\u{10FE00}".utf8), [0xED, 0xA0, 0x80],
        ]
        for name in names { #expect(String(pathBytes: name).pathBytes == name) }
        #expect(Set(names.map { String(pathBytes: $0) }).count == names.count)
        try withTemporaryFolder { folder throws in
            for name in names { try write("x", folder + "/" + String(pathBytes: name)) }
            let found = try Folders.names(in: folder)
            #expect(Set(found.map(\.pathBytes)) == Set(names))
        }
    }

    @Test func printableEscapesWhatTerminalsObey() {
        #expect("plain ü 文".printable == "plain ü 文")
        #expect("\u{1b}]0;x\u{7}\r\n\u{9b}".printable == "\\x1b]0;x\\x07\\x0d\\x0a\\x9b")
        #expect(String(pathBytes: [0x61, 0xFF]).printable == "a\\xff")
        #expect("\u{202E}".printable == "\\u{202e}")
    }

    @Test func readsAnywhereAndTellsAnEarlyEnd() throws {
        try withTemporaryFolder { folder throws in
            try write("0123456789", folder + "/a")
            let file = try InputFile(regular: folder + "/a")
            var bytes = [UInt8](repeating: 0, count: 3)
            try unsafe bytes.withUnsafeMutableBytes { try unsafe file.read(into: $0, at: 4) }
            #expect(bytes == Array("456".utf8))
            let error = #expect(throws: LensError.self) {
                try unsafe bytes.withUnsafeMutableBytes { try unsafe file.read(into: $0, at: 8) }
            }
            #expect(error?.kind == .data)
            #expect(throws: LensError.self) { try InputFile(regular: folder) }
        }
    }
}

@Suite struct AmountTests {
    @Test(
        arguments: [
            (0, "0"), (1, "1"), (-2.5, "-2.5"), (10000, "10000"), (500_000, "500000"), (1_000_000, "1000000"),
            (1e7, "10000000"), (1.5e12, "1.5e12"),
            (15_300_000, "15300000"), (1.0000000000000002e-06, "1e-6"), (2e-5, "2e-5"), (0.0001, "0.0001"),
            (0.000125, "0.000125"), (0.1 + 0.2, "0.3"), (1.0 / 3, "0.333333"), (999_999.96, "1000000"),
            (0.99999996, "1"),
            (123_456.4, "123456"), (1e300, "1e300"), (1e-310, "1e-310"), (.infinity, "inf"), (.nan, "nan"),
            (Double(Float(1e-5)), "1e-5"), (Double(Float(0.1)), "0.1"),
        ] as [(Double, String)])
    func numbersAreWrittenAsPeopleDo(number: Double, text: String) { #expect(describeNumber(number) == text) }
}

@Suite struct DiskRoomTests {
    @Test func tellsWhatIsNeededAndFree() {
        #expect(throws: Never.self) {
            try DiskRoom.require(1000, free: 1000, at: "out/x", for: "x takes 1000 bytes", advice: "take another")
        }
        let error = #expect(throws: LensError.self) {
            try DiskRoom.require(2048, free: 1000, at: "out/x", for: "x takes 2.0 KiB", advice: "take another")
        }
        #expect(error?.kind == .io)
        #expect(
            error?.message
                == "The disk of out/x has 1000 bytes free, and 2.0 KiB are needed: x takes 2.0 KiB. Make room, or take another."
        )
    }

    @Test func looksAtTheDiskThatThePathWillBeOn() throws {
        try withTemporaryFolder { folder throws in
            // The whole disk of the folder is not enough; it is found from names that are not there yet, too.
            let missing = folder + "/missing/also/file"
            for path in [folder, folder + "/file", missing] {
                #expect(throws: LensError.self) {
                    try DiskRoom.require(.max, at: path, for: "x", advice: "y")
                }
                #expect(throws: Never.self) { try DiskRoom.require(1, at: path, for: "x", advice: "y") }
            }
            // A device takes no room, nor does a link to it.
            let link = folder + "/link"
            #expect(unsafe symlink("/dev/null", link) == 0)
            for path in ["/dev/null", link] {
                #expect(throws: Never.self) { try DiskRoom.require(.max, at: path, for: "x", advice: "y") }
            }
        }
    }
}
