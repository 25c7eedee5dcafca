/* Runs the JUnit classes that it is given and prints a line of the Test Anything Protocol for each test. Started by sources.py. */

import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

public final class Tap extends RunListener {
    private Failure failed;

    @Override
    public void testStarted(Description test) {
        failed = null;
    }

    @Override
    public void testFailure(Failure failure) {
        failed = failure;
        if (!failure.getDescription().isTest()) { // of a class as a whole
            testFinished(failure.getDescription());
        }
    }

    @Override
    public void testFinished(Description test) {
        // In a line of its own, whatever the test has printed.
        System.out.println("\n" + (failed == null ? "ok" : "not ok") + " - " + test.getDisplayName());
        if (failed != null) {
            System.out.println(failed.getTrace());
        }
    }

    public static void main(String[] names) throws ClassNotFoundException {
        JUnitCore core = new JUnitCore();
        core.addListener(new Tap());
        Class<?>[] classes = new Class<?>[names.length];
        for (int i = 0; i < names.length; i++) {
            classes[i] = Class.forName(names[i]);
        }
        System.exit(core.run(classes).wasSuccessful() ? 0 : 1);
    }
}
