import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.*;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.utils.BufferSupplier;

/**
 * Writes the batches of this folder with Kafka's own classes, and reads every batch
 * in the folder given as the second argument with them:
 *
 *   java -cp 'kafka-4.1.0/*' Batches.java . [folder]
 */
public class Batches {
    static final int RECORDS = 2000;
    static final long BASE = 1000, TIME = 1_700_000_000_000L;

    public static void main(String[] args) throws Exception {
        Path out = Path.of(args[0]);
        write(out, "none", Compression.NONE, TimestampType.CREATE_TIME, RecordBatch.NO_TIMESTAMP, false, 20);
        write(out, "log_append_time", Compression.NONE, TimestampType.LOG_APPEND_TIME, TIME + 5000, false, 20);
        write(out, "gzip", Compression.gzip().build(), TimestampType.CREATE_TIME, RecordBatch.NO_TIMESTAMP, true, RECORDS);
        write(out, "snappy", Compression.snappy().build(), TimestampType.CREATE_TIME, RecordBatch.NO_TIMESTAMP, false, RECORDS);
        write(out, "lz4", Compression.lz4().build(), TimestampType.CREATE_TIME, RecordBatch.NO_TIMESTAMP, false, RECORDS);
        write(out, "zstd", Compression.zstd().build(), TimestampType.CREATE_TIME, RecordBatch.NO_TIMESTAMP, false, RECORDS);
        write(out, "zstd_22", Compression.zstd().level(22).build(), TimestampType.CREATE_TIME, RecordBatch.NO_TIMESTAMP, false, RECORDS);
        marker(out, "commit", ControlRecordType.COMMIT);
        marker(out, "abort", ControlRecordType.ABORT);

        // What the log cleaner makes of a compressed batch of which it keeps every
        // third record, with a delete horizon; and of one of which it keeps none.
        compact(out, "compacted", Compression.gzip().build(), Keep.THIRD);
        compact(out, "emptied", Compression.gzip().build(), Keep.NONE);

        if (args.length > 1) {
            try (var files = Files.newDirectoryStream(Path.of(args[1]), "*.bin")) {
                for (Path file : files) read(file);
            }
        }
    }

    enum Keep { THIRD, NONE }

    static MemoryRecords batch(Compression c, TimestampType type, long appendTime, boolean transactional, int n) {
        var b = MemoryRecords.builder(ByteBuffer.allocate(1 << 20), RecordBatch.MAGIC_VALUE_V2, c, type, BASE, appendTime,
            77, (short) 3, 5, transactional, 9);
        for (int i = 0; i < n; i++) {
            byte[] key = i % 3 == 0 ? null : bytes("k" + i);
            byte[] value = i % 10 == 9 ? null : bytes(("value " + i + " ").repeat(i % 7));
            Header[] headers = i % 4 != 0 ? Record.EMPTY_HEADERS
                : new Header[] {new RecordHeader("h", bytes("x" + i)), new RecordHeader("n", (byte[]) null)};
            b.append(TIME + i * 7919L % 1000, key, value, headers);
        }
        return b.build();
    }

    static void write(Path out, String name, Compression c, TimestampType type, long appendTime, boolean transactional, int n) throws Exception {
        save(out, name, batch(c, type, appendTime, transactional, n).buffer());
    }

    static void marker(Path out, String name, ControlRecordType type) throws Exception {
        save(out, name, MemoryRecords.withEndTransactionMarker(BASE, TIME, 9, 77, (short) 3, new EndTransactionMarker(type, 1)).buffer());
    }

    static void compact(Path out, String name, Compression c, Keep keep) throws Exception {
        var filter = new MemoryRecords.RecordFilter(TIME + 1, 86_400_000) {
            @Override protected BatchRetentionResult checkBatchRetention(RecordBatch batch) {
                return new BatchRetentionResult(BatchRetention.RETAIN_EMPTY, true);
            }
            @Override protected boolean shouldRetainRecord(RecordBatch batch, Record record) {
                return keep == Keep.THIRD && record.offset() % 3 == 0;
            }
        };
        ByteBuffer to = ByteBuffer.allocate(1 << 20);
        var result = batch(c, TimestampType.CREATE_TIME, RecordBatch.NO_TIMESTAMP, true, RECORDS)
            .filterTo(filter, to, BufferSupplier.NO_CACHING);
        save(out, name, result.outputBuffer().flip());
    }

    static void save(Path out, String name, ByteBuffer b) throws Exception {
        byte[] bytes = new byte[b.remaining()];
        b.duplicate().get(bytes);
        Files.write(out.resolve(name + ".bin"), bytes);
    }

    static void read(Path file) throws Exception {
        int n = 0;
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(Files.readAllBytes(file))).batches()) {
            batch.ensureValid();
            for (Record r : batch) {
                r.ensureValid();
                n++;
            }
        }
        System.out.println(file + ": " + n + " records");
    }

    static byte[] bytes(String s) { return s.getBytes(StandardCharsets.UTF_8); }
}
