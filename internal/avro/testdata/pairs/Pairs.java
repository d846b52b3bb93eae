// Reads each datum of pairs.json by its writer's schema into a tweet, with Apache
// Avro's own library, and prints the results in the same order. See record.py.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

public class Pairs {
  static String text(Object v) {
    return v instanceof ByteBuffer b ? StandardCharsets.UTF_8.decode(b).toString() : v.toString();
  }

  public static void main(String[] args) throws Exception {
    ObjectMapper json = new ObjectMapper();
    Schema reader = new Schema.Parser().parse(new File(args[0]));
    ArrayNode out = json.createArrayNode();
    for (JsonNode pair : json.readTree(new File(args[1]))) {
      ObjectNode result = out.addObject();
      try {
        Schema.Parser parser = new Schema.Parser();
        for (JsonNode reference : pair.path("references")) {
          parser.parse(reference.asText());
        }
        Schema writer = parser.parse(pair.get("writer").asText());
        byte[] datum = HexFormat.of().parseHex(pair.get("datum").asText());
        BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(datum, null);
        GenericRecord r = new GenericDatumReader<GenericRecord>(writer, reader).read(null, decoder);
        if (!decoder.isEnd()) {
          throw new IllegalStateException("bytes are left");
        }
        result.put("id", text(r.get("id"))).put("text", text(r.get("text"))).put("brand", text(r.get("brand")));
        result.put("sentiment", r.get("sentiment").toString()).put("timestamp", (Long) r.get("timestamp"));
      } catch (Throwable e) {
        result.removeAll();
        result.put("error", e.getClass().getSimpleName());
      }
    }
    json.writeValue(System.out, out);
  }
}
