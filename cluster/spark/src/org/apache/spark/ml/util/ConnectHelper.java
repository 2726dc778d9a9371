package org.apache.spark.ml.util;

import org.apache.spark.sql.SparkSession;

/**
 * Stands in for the class of Spark's machine learning, which is not installed: Spark Connect names
 * it when it lets go of a session, though nothing of it is used.
 */
public class ConnectHelper {
  public ConnectHelper(SparkSession session) {}
}
