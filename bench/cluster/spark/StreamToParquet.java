import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.streaming.Trigger;

/** Spark Structured Streaming: all that a topic holds, parsed, as Parquet, exactly once. */
public class StreamToParquet {
  public static void main(String[] args) throws Exception {
    String brokers = args[0], topic = args[1], target = args[2], schema = args[3];
    SparkSession spark = SparkSession.builder().getOrCreate();
    System.out.println("PEER started");
    // The first query pays for starting; the second shows what a warm one does.
    for (String run : new String[] {"cold", "warm"}) {
      long from = System.nanoTime();
      StreamingQuery query =
          spark
              .readStream()
              .format("kafka")
              .option("kafka.bootstrap.servers", brokers)
              .option("subscribe", topic)
              .option("startingOffsets", "earliest")
              .load()
              .selectExpr("from_json(CAST(value AS STRING), '" + schema + "') AS r")
              .select("r.*")
              .writeStream()
              .format("parquet")
              .option("path", target + "/" + run)
              .option("checkpointLocation", target + "/" + run + "-checkpoint")
              .trigger(Trigger.AvailableNow())
              .start();
      query.awaitTermination();
      System.out.println("PEER " + run + " " + (System.nanoTime() - from) / 1_000_000);
    }
    for (String run : new String[] {"cold", "warm"}) {
      System.out.println("PEER rows " + spark.read().parquet(target + "/" + run).count());
    }
    spark.stop();
  }
}
