package pocketmask.app

import android.content.Intent
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.widget.Button
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.result.contract.ActivityResultContracts
import java.io.IOException
import java.util.concurrent.Executors
import pocketmask.core.BadInput
import pocketmask.core.goldenFiles
import pocketmask.core.replay

/** Replays the golden vectors, runs the bundled photo through the first model that came with the app, and gives out the JSON. */
class SelfTestActivity : ComponentActivity() {
    private val worker = Executors.newSingleThreadExecutor()
    private var json: String? = null

    private val pickTarget = registerForActivityResult(ActivityResultContracts.CreateDocument("application/json")) { uri ->
        if (uri != null) save(uri)
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.self_test)
        findViewById<Button>(R.id.save_report).setOnClickListener { if (json != null) pickTarget.launch("pocketmask-self-test.json") }
        findViewById<Button>(R.id.share_report).setOnClickListener { json?.let(::share) }
        val models = Models(applicationContext)
        worker.execute {
            val result = attempt { test(models) }
            runOnUiThread {
                val report = findViewById<TextView>(R.id.report)
                result.fold(
                    { (holds, text) ->
                        json = text
                        report.text = getString(if (holds) R.string.self_test_holds else R.string.self_test_fails, text)
                    },
                    { report.text = it.reason },
                )
            }
        }
    }

    override fun onDestroy() {
        worker.shutdown()
        super.onDestroy()
    }

    /** Whether all holds, and the JSON. */
    private fun test(models: Models): Pair<Boolean, String> {
        val artefact = models.bundled().firstOrNull() ?: throw BadInput(getString(R.string.no_model))
        val golden = goldenFiles.map { replay(it, models.golden(it)) }
        val recorded = models.recorded(artefact)
        val phone = Phone(
            device = "${Build.MANUFACTURER} ${Build.MODEL}",
            system = "Android ${Build.VERSION.RELEASE}, API ${Build.VERSION.SDK_INT}",
            runtime = "LiteRT ${BuildConfig.LITERT_VERSION}",
        )
        val report = models.open(artefact).use { selfTest(artefact, recorded, golden, phone, it.unit, it::logits) }
        return report.holds to report.json()
    }

    private fun save(uri: Uri) = worker.execute {
        val result = attempt {
            val stream = contentResolver.openOutputStream(uri) ?: throw IOException("$uri cannot be written to")
            stream.use { it.write(json.orEmpty().encodeToByteArray()) }
        }
        result.onFailure { error -> runOnUiThread { findViewById<TextView>(R.id.report).text = error.reason } }
    }

    private fun share(text: String) {
        val send = Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, text)
        startActivity(Intent.createChooser(send, getString(R.string.share)))
    }
}
