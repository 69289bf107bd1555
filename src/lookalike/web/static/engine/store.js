// The model in the page: safetensors, compressed, in base64 (Python: lookalike.web.export writes it).

const KINDS = { U8: Uint8Array, I64: BigInt64Array, U64: BigUint64Array, F64: Float64Array };

/** Return what was exported: {about, array(name)}, of base64 of compressed safetensors. */
export async function unpacked(text) {
  const letters = atob(text);
  const packed = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at++) packed[at] = letters.charCodeAt(at);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = await new Response(stream).arrayBuffer();
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  const about = JSON.parse(header.__metadata__.lookalike);
  const array = (name) => {
    const { dtype, shape, data_offsets: [start, end] } = header[name];
    const data = new KINDS[dtype](bytes.slice(8 + length + start, 8 + length + end));
    return { shape, data: dtype === "I64" ? Float64Array.from(data, Number) : data };
  };
  return { about, array };
}

/** Return each row of an array: its first axis. */
export function rowsOf({ shape, data }) {
  const length = data.length / (shape[0] || 1);
  return Array.from({ length: shape[0] }, (_, row) => data.subarray(row * length, (row + 1) * length));
}
