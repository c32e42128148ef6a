// The constants of these digests are roots and sines cut to an integer; the standards define them
// so, and computing them would need exact arithmetic, so they stand here as tables.
#include "engine/jobspec/hcl/digest.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace drover::hcl {
namespace {

// The text, a single 1 bit, zeros, and the length in bits in the last bytes of a block.
template <std::size_t Block, std::size_t LengthSize, bool BigEndian>
std::string padded(std::string_view text) {
    std::string all{text};
    all += static_cast<char>(0x80);
    while (all.size() % Block != Block - LengthSize) all += '\0';
    const std::uint64_t bits = static_cast<std::uint64_t>(text.size()) * 8;
    for (std::size_t i = 0; i < LengthSize; ++i) {
        const std::size_t shift = BigEndian ? LengthSize - 1 - i : i;
        all += shift < 8 ? static_cast<char>((bits >> (8 * shift)) & 0xFFU) : '\0';
    }
    return all;
}

template <class Word, bool BigEndian>
Word load(std::string_view text, std::size_t at) {
    Word word = 0;
    for (std::size_t i = 0; i < sizeof(Word); ++i) {
        const std::size_t shift = BigEndian ? sizeof(Word) - 1 - i : i;
        word |= static_cast<Word>(static_cast<unsigned char>(text[at + i])) << (8 * shift);
    }
    return word;
}

template <bool BigEndian, class Word, std::size_t Count>
std::string store(const std::array<Word, Count>& words) {
    std::string bytes;
    for (const Word word : words) {
        for (std::size_t i = 0; i < sizeof(Word); ++i) {
            const std::size_t shift = BigEndian ? sizeof(Word) - 1 - i : i;
            bytes += static_cast<char>((word >> (8 * shift)) & 0xFFU);
        }
    }
    return bytes;
}

constexpr std::array<std::uint32_t, 64> md5_constants{
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};
constexpr std::array<std::uint32_t, 64> sha256_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
constexpr std::array<std::uint64_t, 80> sha512_constants{
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

// What tells SHA-256 and SHA-512 apart: word size, rotations and constants.
struct Sha256 {
    using Word = std::uint32_t;
    static constexpr std::size_t rounds = 64;
    static constexpr std::array<int, 3> big0{2, 13, 22};
    static constexpr std::array<int, 3> big1{6, 11, 25};
    static constexpr std::array<int, 3> small0{7, 18, 3};
    static constexpr std::array<int, 3> small1{17, 19, 10};
    static constexpr const auto& constants = sha256_constants;
    static constexpr std::array<Word, 8> start{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                               0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
};
struct Sha512 {
    using Word = std::uint64_t;
    static constexpr std::size_t rounds = 80;
    static constexpr std::array<int, 3> big0{28, 34, 39};
    static constexpr std::array<int, 3> big1{14, 18, 41};
    static constexpr std::array<int, 3> small0{1, 8, 7};
    static constexpr std::array<int, 3> small1{19, 61, 6};
    static constexpr const auto& constants = sha512_constants;
    static constexpr std::array<Word, 8> start{
        0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
};

template <class Sha>
void sha2_block(std::string_view text, std::size_t block,
                std::array<typename Sha::Word, 8>& state) {
    using Word = typename Sha::Word;
    const auto big = [](Word x, const std::array<int, 3>& by) {
        return std::rotr(x, by[0]) ^ std::rotr(x, by[1]) ^ std::rotr(x, by[2]);
    };
    const auto small = [](Word x, const std::array<int, 3>& by) {
        return std::rotr(x, by[0]) ^ std::rotr(x, by[1]) ^ (x >> by[2]);
    };
    std::array<Word, Sha::rounds> w{};
    for (std::size_t i = 0; i < Sha::rounds; ++i) {
        w[i] = i < 16 ? load<Word, true>(text, block + i * sizeof(Word))
                      : static_cast<Word>(small(w[i - 2], Sha::small1) + w[i - 7] +
                                          small(w[i - 15], Sha::small0) + w[i - 16]);
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t i = 0; i < Sha::rounds; ++i) {
        const Word one = h + big(e, Sha::big1) + ((e & f) ^ (~e & g)) + Sha::constants[i] + w[i];
        const Word two = big(a, Sha::big0) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + one;
        d = c;
        c = b;
        b = a;
        a = one + two;
    }
    const std::array<Word, 8> sum{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state[i] += sum[i];
}

template <class Sha>
std::string sha2(std::string_view text) {
    constexpr std::size_t block_size = 16 * sizeof(typename Sha::Word);
    const std::string all = padded<block_size, block_size / 8, true>(text);
    auto state = Sha::start;
    for (std::size_t block = 0; block < all.size(); block += block_size) {
        sha2_block<Sha>(all, block, state);
    }
    return store<true>(state);
}

}  // namespace

std::string md5(std::string_view text) {
    constexpr std::array<std::array<int, 4>, 4> shifts{
        {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};
    const std::string all = padded<64, 8, false>(text);
    std::array<std::uint32_t, 4> state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    for (std::size_t block = 0; block < all.size(); block += 64) {
        auto [a, b, c, d] = state;
        for (std::size_t i = 0; i < 64; ++i) {
            const std::array<std::uint32_t, 4> mix{(b & c) | (~b & d), (d & b) | (~d & c),
                                                   b ^ c ^ d, c ^ (b | ~d)};
            constexpr std::array<std::size_t, 4> stride{1, 5, 3, 7};
            constexpr std::array<std::size_t, 4> offset{0, 1, 5, 0};
            const std::size_t round = i / 16;
            const std::size_t word = (stride[round] * i + offset[round]) % 16;
            const std::uint32_t sum = a + mix[round] + md5_constants[i] +
                                      load<std::uint32_t, false>(all, block + word * 4);
            a = d;
            d = c;
            c = b;
            b += std::rotl(sum, shifts[round][i % 4]);
        }
        state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
    }
    return store<false>(state);
}

std::string sha1(std::string_view text) {
    constexpr std::array<std::uint32_t, 4> constants{0x5a827999, 0x6ed9eba1, 0x8f1bbcdc,
                                                     0xca62c1d6};
    const std::string all = padded<64, 8, true>(text);
    std::array<std::uint32_t, 5> state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    for (std::size_t block = 0; block < all.size(); block += 64) {
        std::array<std::uint32_t, 80> w{};
        for (std::size_t i = 0; i < 80; ++i) {
            w[i] = i < 16 ? load<std::uint32_t, true>(all, block + i * 4)
                          : std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        }
        auto [a, b, c, d, e] = state;
        for (std::size_t i = 0; i < 80; ++i) {
            const std::array<std::uint32_t, 4> mix{(b & c) | (~b & d), b ^ c ^ d,
                                                   (b & c) | (b & d) | (c & d), b ^ c ^ d};
            const std::uint32_t sum = std::rotl(a, 5) + mix[i / 20] + e + constants[i / 20] + w[i];
            e = d;
            d = c;
            c = std::rotl(b, 30);
            b = a;
            a = sum;
        }
        state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
    }
    return store<true>(state);
}

std::string sha256(std::string_view text) { return sha2<Sha256>(text); }
std::string sha512(std::string_view text) { return sha2<Sha512>(text); }

}  // namespace drover::hcl
