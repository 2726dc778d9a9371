package isobar;

import java.io.File;
import java.io.Reader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.deploy.SparkHadoopUtil$;
import org.apache.spark.deploy.security.HadoopDelegationTokenManager;
import org.apache.spark.scheduler.SchedulerBackend;
import org.apache.spark.scheduler.cluster.CoarseGrainedSchedulerBackend;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.connect.service.PreSharedKeyAuthenticationInterceptor;
import org.apache.spark.sql.connect.service.SparkConnectInterceptorRegistry$;
import org.apache.spark.sql.connect.service.SparkConnectService;
import org.apache.spark.sql.connect.service.SparkConnectService$;
import org.sparkproject.connect.grpc.Server;
import org.sparkproject.connect.grpc.netty.NettyServerBuilder;
import scala.Option;

/**
 * Spark Connect over TLS, which Spark leaves to a proxy, and HDFS with Kerberos under a standalone
 * master, whose executors Spark gives no tokens. The argument is a file of properties, so that no
 * secret is in a list of processes; those of `isobar.` are the address, the certificate and its key.
 */
public final class ConnectServer {
  private static final int MESSAGE_BYTES_MAX = 128 * 1024 * 1024;

  private ConnectServer() {}

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(Path.of(args[0]), StandardCharsets.UTF_8)) {
      properties.load(reader);
    }
    properties.forEach((name, value) -> System.setProperty((String) name, (String) value));
    logIn(new SparkConf());
    SparkSession session = SparkSession.builder().getOrCreate();
    giveTokens(session.sparkContext());
    // Spark's own server is open: the services that it starts are served by another one.
    SparkConnectService.start(session.sparkContext());
    SparkConnectService$.MODULE$.server().shutdownNow().awaitTermination();
    Server server = secured(session.sparkContext().conf()).start();
    SparkConnectService$.MODULE$.server_$eq(server);
    System.out.println("Spark Connect serves with TLS");
    server.awaitTermination();
    session.stop();
  }

  private static void logIn(SparkConf conf) throws Exception {
    if (!conf.contains("spark.kerberos.keytab")) return;
    UserGroupInformation.setConfiguration(SparkHadoopUtil$.MODULE$.newConfiguration(conf));
    UserGroupInformation.loginUserFromKeytab(
        conf.get("spark.kerberos.principal"), conf.get("spark.kerberos.keytab"));
  }

  /** Executors log in at HDFS with tokens, which are made anew before they end. */
  private static void giveTokens(SparkContext context) {
    SchedulerBackend backend = context.schedulerBackend();
    if (!context.conf().contains("spark.kerberos.keytab")) return;
    if (!(backend instanceof CoarseGrainedSchedulerBackend)) return;
    CoarseGrainedSchedulerBackend executors = (CoarseGrainedSchedulerBackend) backend;
    HadoopDelegationTokenManager tokens =
        new HadoopDelegationTokenManager(
            context.conf(), context.hadoopConfiguration(), executors.driverEndpoint());
    executors.delegationTokenManager_$eq(Option.apply(tokens));
    executors.updateDelegationTokens(tokens.start());
  }

  private static Server secured(SparkConf conf) {
    InetSocketAddress address =
        new InetSocketAddress(
            System.getProperty("isobar.address"), Integer.getInteger("isobar.port"));
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(address)
            .maxInboundMessageSize(MESSAGE_BYTES_MAX)
            .useTransportSecurity(
                new File(System.getProperty("isobar.certificate")),
                new File(System.getProperty("isobar.key")));
    builder.addService(new SparkConnectService(false));
    builder.intercept(
        new PreSharedKeyAuthenticationInterceptor(conf.get("spark.connect.authenticate.token")));
    SparkConnectInterceptorRegistry$ registry = SparkConnectInterceptorRegistry$.MODULE$;
    registry.chainInterceptors(builder, registry.createConfiguredInterceptors());
    return builder.build();
  }
}
