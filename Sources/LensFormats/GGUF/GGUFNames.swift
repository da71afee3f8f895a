/// The names of parameters: Hugging Face's on our side, GGUF's in the file.
enum GGUFNames {
    private static let fixed = [
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    ]

    private static let modules = [
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "self_attn.q_norm": "attn_q_norm",
        "self_attn.k_norm": "attn_k_norm",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    ]

    /// Divisors of the rotary frequencies, which are data of the model and no parameters.
    static let frequencyFactors = "rope_freqs.weight"
    static let longFactors = "rope_factors_long.weight"
    static let shortFactors = "rope_factors_short.weight"

    /// `model.layers.3.self_attn.q_proj.weight` becomes `blk.3.attn_q.weight`.
    static func gguf(_ name: String) -> String? {
        if let fixed = fixed[name] { return fixed }
        let prefix = "model.layers."
        guard name.hasPrefix(prefix) else { return nil }
        let parts = name.dropFirst(prefix.count).split(separator: ".")
        guard parts.count >= 3, let last = parts.last else { return nil }
        guard let module = modules[parts[1..<(parts.count - 1)].joined(separator: ".")] else { return nil }
        return "blk.\(parts[0]).\(module).\(last)"
    }
}
