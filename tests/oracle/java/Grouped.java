import java.io.File;
import java.io.FileOutputStream;
import org.jacoco.cli.internal.core.analysis.Analyzer;
import org.jacoco.cli.internal.core.analysis.CoverageBuilder;
import org.jacoco.cli.internal.core.tools.ExecFileLoader;
import org.jacoco.cli.internal.report.IReportGroupVisitor;
import org.jacoco.cli.internal.report.IReportVisitor;
import org.jacoco.cli.internal.report.xml.XMLFormatter;

/** A report of groups, as report-aggregate and Ant make them, by JaCoCo's own classes: EXEC OUT GROUP=CLASSES... */
public class Grouped {
  public static void main(String[] arguments) throws Exception {
    ExecFileLoader loaded = new ExecFileLoader();
    loaded.load(new File(arguments[0]));
    IReportVisitor report = new XMLFormatter().createVisitor(new FileOutputStream(arguments[1]));
    report.visitInfo(loaded.getSessionInfoStore().getInfos(), loaded.getExecutionDataStore().getContents());
    IReportGroupVisitor all = report.visitGroup("all");
    for (int at = 2; at < arguments.length; at++) {
      String[] group = arguments[at].split("=");
      CoverageBuilder builder = new CoverageBuilder();
      new Analyzer(loaded.getExecutionDataStore(), builder).analyzeAll(new File(group[1]));
      all.visitBundle(builder.getBundle(group[0]), null);
    }
    report.visitEnd();
  }
}
