// H.264 video (ITU-T H.264, Constrained Baseline) in its simplest form: every picture an IDR picture of one
// slice, every macroblock I_PCM, which is to say the samples themselves. Any decoder plays it; nothing is
// compressed.
import { BitWriter } from './bits.js'

const MACROBLOCK = 16
const LUMA_BYTES = 256
const CHROMA_BYTES = 64
const MACROBLOCK_BYTES = LUMA_BYTES + 2 * CHROMA_BYTES

// NAL unit types with nal_ref_idc 3 (section 7.4.1).
const NAL_IDR_SLICE = 0x65
const NAL_SPS = 0x67
const NAL_PPS = 0x68

const CONSTRAINED_BASELINE = [66, 0b11000000] // profile_idc, constraint_set0_flag and constraint_set1_flag
const LEVEL = 41 // 4.1: up to 50 Mbit/s, which uncompressed pictures of 480 × 270 need
const SLICE_TYPE_I_ALL = 7
const MB_TYPE_I_PCM = 25
const BT709 = 1
const VIDEO_FORMAT_UNSPECIFIED = 5

/** The sequence and picture parameter sets (sections 7.3.2.1 and 7.3.2.2), as NAL units. */
export function parameterSets({ width, height, framesASecond }) {
  const columns = Math.ceil(width / MACROBLOCK)
  const rows = Math.ceil(height / MACROBLOCK)
  const sps = new BitWriter()
  for (const byte of [...CONSTRAINED_BASELINE, LEVEL]) sps.u(8, byte)
  sps.ue(0) // seq_parameter_set_id
  sps.ue(0) // log2_max_frame_num_minus4
  sps.ue(2) // pic_order_cnt_type: shown in the order decoded
  sps.ue(1) // max_num_ref_frames
  sps.u(1, 0) // gaps_in_frame_num_value_allowed_flag
  sps.ue(columns - 1).ue(rows - 1)
  sps.u(1, 1) // frame_mbs_only_flag
  sps.u(1, 0) // direct_8x8_inference_flag
  sps.u(1, 1) // frame_cropping_flag; left, right, top, bottom in units of two samples
  sps.ue(0).ue((columns * MACROBLOCK - width) / 2)
  sps.ue(0).ue((rows * MACROBLOCK - height) / 2)
  sps.u(1, 1) // vui_parameters_present_flag
  writeUsability(sps, framesASecond)

  const pps = new BitWriter()
  pps.ue(0).ue(0) // pic_parameter_set_id, seq_parameter_set_id
  pps.u(1, 0) // entropy_coding_mode_flag: CAVLC
  pps.u(1, 0) // bottom_field_pic_order_in_frame_present_flag
  pps.ue(0) // num_slice_groups_minus1
  pps.ue(0).ue(0) // num_ref_idx_default_active_minus1 of both lists
  pps.u(1, 0).u(2, 0) // weighted_pred_flag, weighted_bipred_idc
  pps.se(0).se(0).se(0) // pic_init_qp_minus26, pic_init_qs_minus26, chroma_qp_index_offset
  pps.u(1, 1) // deblocking_filter_control_present_flag
  pps.u(1, 0).u(1, 0) // constrained_intra_pred_flag, redundant_pic_cnt_present_flag
  return { sps: nalUnit(NAL_SPS, sps.stop().bytes()), pps: nalUnit(NAL_PPS, pps.stop().bytes()) }
}

/** Annex E: the colours' meaning, the frame rate, and that no picture waits for a later one. */
function writeUsability(sps, framesASecond) {
  sps.u(1, 0).u(1, 0) // aspect_ratio_info_present_flag, overscan_info_present_flag
  sps.u(1, 1).u(3, VIDEO_FORMAT_UNSPECIFIED)
  sps.u(1, 0) // video_full_range_flag
  sps.u(1, 1).u(8, BT709).u(8, BT709).u(8, BT709) // primaries, transfer, matrix
  sps.u(1, 0) // chroma_loc_info_present_flag
  sps
    .u(1, 1)
    .u(32, 1)
    .u(32, 2 * framesASecond)
    .u(1, 1) // a tick is half a frame; fixed_frame_rate_flag
  sps.u(1, 0).u(1, 0) // nal_hrd_parameters_present_flag, vcl_hrd_parameters_present_flag
  sps.u(1, 0) // pic_struct_present_flag
  sps.u(1, 1).u(1, 1) // bitstream_restriction_flag, motion_vectors_over_pic_boundaries_flag
  sps.ue(0).ue(0).ue(0).ue(0) // no bound on bytes, bits and vectors that is worth stating
  sps.ue(0).ue(1) // max_num_reorder_frames, max_dec_frame_buffering
}

/** One picture as a NAL unit, from planes of whole macroblocks; `index` counts the pictures. */
export function pictureUnit({ columns, rows, luma, cb, cr }, index) {
  const header = new BitWriter()
  header.ue(0).ue(SLICE_TYPE_I_ALL).ue(0) // first_mb_in_slice, slice_type, pic_parameter_set_id
  header.u(4, 0) // frame_num
  header.ue(index % 2) // idr_pic_id differs from picture to picture
  header.u(1, 0).u(1, 0) // no_output_of_prior_pics_flag, long_term_reference_flag
  header.se(0) // slice_qp_delta
  header.ue(1) // disable_deblocking_filter_idc
  const first = header.ue(MB_TYPE_I_PCM).align().bytes()
  const others = new BitWriter().ue(MB_TYPE_I_PCM).align().bytes()

  const count = columns * rows
  const slice = Buffer.alloc(first.length + (count - 1) * others.length + count * MACROBLOCK_BYTES + 1)
  let at = 0
  for (let number = 0; number < count; number++) {
    const prefix = number === 0 ? first : others
    slice.set(prefix, at)
    at += prefix.length
    const row = Math.floor(number / columns)
    const column = number % columns
    at = copyBlock({ plane: luma, stride: columns * 16, edge: 16, row, column }, slice, at)
    at = copyBlock({ plane: cb, stride: columns * 8, edge: 8, row, column }, slice, at)
    at = copyBlock({ plane: cr, stride: columns * 8, edge: 8, row, column }, slice, at)
  }
  slice[at] = 0x80 // rbsp_trailing_bits on a whole byte
  return nalUnit(NAL_IDR_SLICE, slice)
}

function copyBlock({ plane, stride, edge, row, column }, slice, at) {
  let to = at
  for (let y = row * edge; y < (row + 1) * edge; y++) {
    const start = y * stride + column * edge
    for (let from = start; from < start + edge; from++) slice[to++] = plane[from]
  }
  return to
}

const TWO_ZEROS = Buffer.from([0, 0])
const EMULATION_PREVENTION = Buffer.from([3])

/** Header and payload, with a 3 put after two zeros that could pass for a start code (section 7.4.1). */
function nalUnit(header, payload) {
  const pieces = [Buffer.from([header])]
  let done = 0
  let zeros = payload.indexOf(TWO_ZEROS)
  while (zeros !== -1) {
    if (payload[zeros + 2] <= 3) {
      pieces.push(payload.subarray(done, zeros + 2), EMULATION_PREVENTION)
      done = zeros + 2
    }
    zeros = payload.indexOf(TWO_ZEROS, zeros + 2)
  }
  pieces.push(payload.subarray(done))
  return Buffer.concat(pieces)
}
