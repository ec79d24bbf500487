//! Bits to blocks, with any Huffman tables (ITU T.81 F.2.2).
