"""onnxruntime on one thread in a loop over a Parquet file: one column of lists in, one out.

MODEL.onnx IN.parquet OUT.parquet ROWS
"""

import sys

import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq

model, source, out, rows = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
(given,) = session.get_inputs()
writer = None
for batch in pq.ParquetFile(source).iter_batches(batch_size=int(rows), use_threads=False):
    x = batch.column(0).flatten().to_numpy().reshape(-1, *given.shape[1:])
    (y,) = session.run(None, {given.name: x})
    column = pa.FixedSizeListArray.from_arrays(pa.array(y.ravel()), y.shape[1])
    scores = pa.record_batch({"scores": column})
    writer = writer or pq.ParquetWriter(out, scores.schema)
    writer.write_batch(scores)
assert writer is not None
writer.close()
