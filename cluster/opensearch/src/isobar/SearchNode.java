package isobar;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;

/** One OpenSearch node from the archives alone: its distribution's `modules` are not needed. */
public class SearchNode extends Node {
  private SearchNode(Environment environment) {
    super(environment, plugins(), true);
  }

  private static List<Class<? extends Plugin>> plugins() {
    return Guard.isWanted()
        ? List.of(Netty4Plugin.class, Guard.class)
        : List.of(Netty4Plugin.class);
  }

  public static void main(String[] folder) throws Exception {
    Path config = Path.of(folder[0]).toAbsolutePath();
    Settings settings = Settings.builder().put("path.home", config).build();
    Node node = new SearchNode(
        InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), config, () -> "isobar"));
    node.start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> closeQuietly(node)));
    Thread.currentThread().join();
  }

  private static void closeQuietly(Node node) {
    try {
      node.close();
    } catch (Exception problem) {
      System.out.println("closing: " + problem);
    }
  }
}
