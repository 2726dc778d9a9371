package isobar;

import java.io.InputStream;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Optional;
import java.util.Properties;
import java.util.function.UnaryOperator;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import org.opensearch.client.node.NodeClient;
import org.opensearch.common.settings.Settings;
import org.opensearch.common.util.concurrent.ThreadContext;
import org.opensearch.core.rest.RestStatus;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.plugins.ActionPlugin;
import org.opensearch.plugins.Plugin;
import org.opensearch.plugins.SecureHttpTransportSettingsProvider;
import org.opensearch.plugins.SecureSettingsFactory;
import org.opensearch.plugins.SecureTransportSettingsProvider;
import org.opensearch.plugins.TransportExceptionHandler;
import org.opensearch.rest.BytesRestResponse;
import org.opensearch.rest.RestChannel;
import org.opensearch.rest.RestHandler;
import org.opensearch.rest.RestRequest;

/**
 * HTTPS, and one user with a password (basic authentication, RFC 7617). The file that the system
 * property `isobar.guard` names has the properties store, storePassword, user and password.
 */
public class Guard extends Plugin implements ActionPlugin {
  private static final String FILE = System.getProperty("isobar.guard");

  private final byte[] login;
  private final SSLContext tls;

  public Guard() throws Exception {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(Path.of(FILE), StandardCharsets.UTF_8)) {
      properties.load(reader);
    }
    String pair = properties.getProperty("user") + ":" + properties.getProperty("password");
    byte[] bytes = pair.getBytes(StandardCharsets.UTF_8);
    login = ("Basic " + Base64.getEncoder().encodeToString(bytes)).getBytes(StandardCharsets.UTF_8);
    tls = contextOf(properties.getProperty("store"), properties.getProperty("storePassword"));
  }

  static boolean isWanted() {
    return FILE != null;
  }

  private static SSLContext contextOf(String store, String password) throws Exception {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream input = Files.newInputStream(Path.of(store))) {
      keys.load(input, password.toCharArray());
    }
    KeyManagerFactory managers =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(keys, password.toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(managers.getKeyManagers(), null, null);
    return context;
  }

  @Override
  public UnaryOperator<RestHandler> getRestHandlerWrapper(ThreadContext context) {
    return (handler) ->
        new RestHandler.Wrapper(handler) {
          @Override
          public void handleRequest(RestRequest request, RestChannel channel, NodeClient client)
              throws Exception {
            String given = String.valueOf(request.header("Authorization"));
            if (MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), login)) {
              super.handleRequest(request, channel, client);
              return;
            }
            // A body that is not read would be held.
            request.content();
            BytesRestResponse refusal =
                new BytesRestResponse(RestStatus.UNAUTHORIZED, "Unauthorized");
            refusal.addHeader("WWW-Authenticate", "Basic realm=\"OpenSearch\"");
            channel.sendResponse(refusal);
          }
        };
  }

  @Override
  public Optional<SecureSettingsFactory> getSecureSettingFactory(Settings settings) {
    return Optional.of(
        new SecureSettingsFactory() {
          @Override
          public Optional<SecureTransportSettingsProvider> getSecureTransportSettingsProvider(
              Settings ignored) {
            return Optional.empty();
          }

          @Override
          public Optional<SecureHttpTransportSettingsProvider>
              getSecureHttpTransportSettingsProvider(Settings ignored) {
            return Optional.of(new Https());
          }
        });
  }

  private final class Https implements SecureHttpTransportSettingsProvider {
    @Override
    public Optional<TransportExceptionHandler> buildHttpServerExceptionHandler(
        Settings settings, HttpServerTransport transport) {
      return Optional.empty();
    }

    @Override
    public Optional<SSLEngine> buildSecureHttpServerEngine(
        Settings settings, HttpServerTransport transport) {
      SSLEngine engine = tls.createSSLEngine();
      engine.setUseClientMode(false);
      return Optional.of(engine);
    }
  }
}
