import java.io.IOException;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;

/**
 * Starts DynamoDB Local on 127.0.0.1. By itself it listens on every interface and has no option against it, so the host
 * is set on its server before the start. Ends when its standard input does, so that it never outlives who started it.
 */
public class OnLoopback {
  public static void main(String[] args) throws Exception {
    var local = ServerRunner.createServerFromCommandLineArgs(args);
    var field = local.getClass().getDeclaredField("server");
    field.setAccessible(true);
    for (Connector connector : ((Server) field.get(local)).getConnectors()) {
      ((ServerConnector) connector).setHost("127.0.0.1");
    }
    var watch = new Thread(OnLoopback::haltAtEndOfInput);
    watch.setDaemon(true);
    watch.start();
    local.start();
    local.join();
  }

  private static void haltAtEndOfInput() {
    try {
      while (System.in.read() >= 0) {
        // Nothing is expected; only the end matters.
      }
    } catch (IOException e) {
      // A broken input has ended as well.
    }
    Runtime.getRuntime().halt(0);
  }
}
