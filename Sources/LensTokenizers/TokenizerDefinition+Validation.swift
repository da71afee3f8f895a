import LensSupport

extension TokenizerDefinition {
    /// Pieces of SentencePiece vocabularies are 16 characters long by default; the limit bounds the work of loading.
    private static let longestMergeablePiece = 512

    /// Checks what the encoders rely on. `path` is for messages.
    func validate(_ path: String) throws(LensError) {
        guard !pieces.isEmpty else { throw .data("\(path): the tokenizer has no tokens.") }
        guard pieces.count < 1 << 28, types.count == pieces.count else {
            throw .data("\(path): \(pieces.count) tokens with \(types.count) token types.")
        }
        try validateIDs(path)
        try validatePieces(path)
        switch merging {
        case .ranked(let merges): try validate(merges, path)
        case .scored(let scores):
            guard scores.count == pieces.count else {
                throw .data("\(path): \(scores.count) scores for \(pieces.count) tokens; each needs one.")
            }
            if let id = scores.firstIndex(where: \.isNaN) {
                throw .data("\(path): the score of token \(id) is not a number.")
            }
        }
    }

    private func validateIDs(_ path: String) throws(LensError) {
        let named = [
            ("BOS", bosToken), ("EOS", eosToken), ("unknown", unknownToken), ("padding", paddingToken),
            ("named unknown", namedUnknownToken),
        ]
        for (name, id) in named {
            guard let id, !isInVocabulary(id) else { continue }
            throw .data("\(path): the \(name) token is \(id), outside the vocabulary of \(pieces.count) tokens.")
        }
        if addsBOS, bosToken == nil { throw .data("\(path): BOS is to be added to text, but no BOS token is given.") }
        if addsEOS, eosToken == nil { throw .data("\(path): EOS is to be added to text, but no EOS token is given.") }
        for token in addedTokens {
            guard isInVocabulary(token.id) else {
                throw .data(
                    "\(path): an added token has id \(token.id), outside the vocabulary of \(pieces.count) tokens.")
            }
            guard !token.content.isEmpty, token.content.count <= AddedTokenMatcher.longestContent else {
                throw .data(
                    "\(path): added token \(token.id) is \(token.content.count) bytes long; 1 to "
                        + "\(AddedTokenMatcher.longestContent) are allowed.")
            }
        }
    }

    private func isInVocabulary(_ id: Int32) -> Bool { id >= 0 && Int(id) < pieces.count }

    private func validatePieces(_ path: String) throws(LensError) {
        var table = PieceTable(capacity: pieces.count)
        for (id, piece) in pieces.enumerated() where !piece.isEmpty {
            if let other = table.add(piece, id: Int32(id)) {
                throw .data(
                    "\(path): tokens \(other) and \(id) are both \"\(String(decoding: piece, as: UTF8.self))\"; "
                        + "each token must be spelled differently.")
            }
            if kind == .sentencePiece, isMergeable(id), piece.count > Self.longestMergeablePiece {
                throw .data(
                    "\(path): token \(id) is \(piece.count) bytes long; \(Self.longestMergeablePiece) are allowed.")
            }
            if kind == .sentencePiece, types[id] == .byte, Self.byte(spelledBy: piece) == nil {
                throw .data("\(path): token \(id) is of type byte but is not spelled <0xHH>.")
            }
        }
    }

    private func validate(_ merges: [Merge], _ path: String) throws(LensError) {
        guard merges.count < Int32.max else { throw .data("\(path): \(merges.count) merges are too many.") }
        for (index, merge) in merges.enumerated() {
            guard isInVocabulary(merge.left), isInVocabulary(merge.right), isInVocabulary(merge.result) else {
                throw .data("\(path): merge \(index) names a token outside the vocabulary.")
            }
            let left = pieces[Int(merge.left)]
            let right = pieces[Int(merge.right)]
            guard !left.isEmpty, !right.isEmpty, pieces[Int(merge.result)].elementsEqual(left + right) else {
                throw .data("\(path): merge \(index) does not spell its result.")
            }
        }
    }
}
