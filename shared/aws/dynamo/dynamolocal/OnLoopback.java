import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;

/**
 * Starts DynamoDB Local on 127.0.0.1. By itself it listens on every interface and has no option against it, so the host
 * is set on its server before the start. The port is the kernel's choice; the file "address" says it once the server
 * listens. Ends when its standard input does, so that it never outlives who started it.
 */
public class OnLoopback {
  public static void main(String[] args) throws Exception {
    var local = ServerRunner.createServerFromCommandLineArgs(args);
    var field = local.getClass().getDeclaredField("server");
    field.setAccessible(true);
    var connectors = ((Server) field.get(local)).getConnectors();
    for (Connector connector : connectors) {
      ((ServerConnector) connector).setHost("127.0.0.1");
      ((ServerConnector) connector).setPort(0);
    }
    var watch = new Thread(OnLoopback::haltAtEndOfInput);
    watch.setDaemon(true);
    watch.start();
    local.start();
    var next = Path.of("address.next");
    Files.writeString(next, "127.0.0.1:" + ((ServerConnector) connectors[0]).getLocalPort());
    Files.move(next, Path.of("address"), StandardCopyOption.ATOMIC_MOVE);
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
